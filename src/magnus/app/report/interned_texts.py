"""Stores the texts of a report once each, and cuts long ones so that the report stays small."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from magnus.app.report.model import Named, Text
from magnus.app.text.object_references import readable
from magnus.run_log.parameters import Parameter, shown
from magnus.values import Json

_BYTES_OF_ESCAPE: Final = 6
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, default=str)
_MESSAGE_LIMIT: Final = 4_000


class Budget(Struct, frozen=True):
    """The bytes for all texts of a kind: `base` for a run of 100 steps, and `each` for every further step.

    No text is longer than `longest`.
    """

    base: int
    each: int
    longest: int

    def limit(self, sizes: Sequence[int], steps: int) -> int:
        """The most bytes that each text may have."""
        return min(self.longest, fair_limit(sizes, self.base + self.each * max(0, steps - 100)))


_VALUES: Final = Budget(base=160_000, each=500, longest=8_000)


def fair_limit(sizes: Sequence[int], budget: int) -> int:
    """The largest limit with which texts of these sizes, each cut to it, fit into the budget together."""
    left = budget
    ascending = sorted(sizes)
    for number, size in enumerate(ascending):
        share = left // (len(ascending) - number)
        if size > share:
            return share
        left -= size
    return budget


def size_of(text: str) -> int:
    """The bytes that a text takes in the page, at most."""
    try:
        encoded = len(msgspec.json.encode(text))
    except UnicodeEncodeError:
        encoded = len(json.dumps(text))
    return encoded + (_BYTES_OF_ESCAPE - 1) * text.count("<")


def characters_within(text: str, size: int, limit: int) -> int:
    """The approximate number of characters of the text that take `limit` bytes."""
    return len(text) if size <= limit else len(text) * limit // size


class Texts:
    """The texts a report refers to by number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, value: Json) -> int:
        """The number of the text of a value."""
        text = _ENCODER.encode(readable(value))
        return self._numbers.setdefault(text, len(self._numbers))

    def named(self, values: Mapping[str, Json]) -> list[Named]:
        """The values by name."""
        return [(name, self.number(value)) for name, value in values.items()]

    def parameters(self, values: Mapping[str, Parameter]) -> list[Named]:
        """The parameters by name; an object as a reference."""
        return [(name, self.number(shown(value))) for name, value in values.items()]

    def fitting(self, steps: int) -> list[Text]:
        """All texts; long ones are cut to fit into the report of a run with `steps` steps."""
        sizes = [size_of(text) for text in self._numbers]
        limit = _VALUES.limit(sizes, steps)
        lengths = (characters_within(text, size, limit) for text, size in zip(self._numbers, sizes, strict=True))
        return [Text(text[:number], len(text) - number) for text, number in zip(self._numbers, lengths, strict=True)]


def shortened(message: str) -> str:
    """A message without its middle where it is very long."""
    if len(message) <= _MESSAGE_LIMIT:
        return message
    half = _MESSAGE_LIMIT // 2
    return f"{message[:half]}\n... {len(message) - 2 * half} characters ...\n{message[-half:]}"
