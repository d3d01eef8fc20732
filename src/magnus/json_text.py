"""JSON texts of users to values: strict, bounded, and the same whether a file, a variable, an option or a shell has them."""

import json
from collections.abc import Sequence
from math import isfinite
from typing import Final

from magnus.values import Json

MOST_DIGITS: Final = 4300
"""Python neither reads nor writes longer integers as text."""
DEEPEST: Final = 200
"""More lists and mappings inside one another than any file anyone writes; every walk over a value gets that far."""

TOO_LARGE: Final = "is too large for a number"
TOO_LONG: Final = f"is an integer of more than {MOST_DIGITS} digits"
TOO_DEEP: Final = f"has more than {DEEPEST} lists and mappings inside one another"
NO_CHARACTER: Final = "holds half of a surrogate pair, which is no character"

_MOST_BITS: Final = 14_280
"""Integers of so many bits have fewer digits than that."""


class NotJson(ValueError):
    """The text is no JSON; `position` is where it goes wrong, None when only Python takes it for JSON."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


class UnusableJson(ValueError):
    """The text is JSON of a value that no parameter can have; the message continues "the value"."""


def loads(text: str, *, allow_nan: bool = False) -> Json:
    """The value of the text; with `allow_nan` also NaN and infinity, as metrics may be.

    Raises:
        NotJson: it is no JSON.
        UnusableJson: it has a number that is too large, a key twice, too much inside one another, or no characters.
    """
    try:
        value = json.loads(
            text,
            parse_constant=None if allow_nan else _no_constant,
            parse_float=None if allow_nan else finite,
            parse_int=_integer,
            object_pairs_hook=_without_doubles,
        )
    except json.JSONDecodeError as error:
        raise NotJson(error.msg, error.pos) from None
    except RecursionError:
        raise UnusableJson(TOO_DEEP) from None
    if text.count("[") + text.count("{") > DEEPEST and is_too_deep(value):
        raise UnusableJson(TOO_DEEP)
    if "\\u" in text and not has_characters(value):
        raise UnusableJson(NO_CHARACTER)
    return value


def finite(text: str) -> float:
    """The number; UnusableJson when there is none so large."""
    value = float(text)
    if not isfinite(value):
        raise UnusableJson(TOO_LARGE)
    return value


def is_short(value: int) -> bool:
    """Whether the integer can be written as text."""
    return value.bit_length() <= _MOST_BITS or abs(value) < 10**MOST_DIGITS


def is_too_deep(value: Json) -> bool:
    """Whether too many lists and mappings are inside one another."""
    level, depth = [value], 0
    while level := [part for container in level for part in _parts(container) if isinstance(part, dict | list)]:
        depth += 1
        if depth >= DEEPEST:
            return True
    return False


def has_characters(value: Json) -> bool:
    """Whether all texts in the value can be written to a file."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _parts(container: Json) -> Sequence[Json]:
    return list(container.values()) if isinstance(container, dict) else container


def _no_constant(constant: str) -> Json:
    raise NotJson(f"{constant} is no JSON value")


def _integer(text: str) -> int:
    if len(text.removeprefix("-")) > MOST_DIGITS:
        raise UnusableJson(TOO_LONG)
    return int(text)


def _without_doubles(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise UnusableJson(f"has the key '{twice}' twice")
    return value
