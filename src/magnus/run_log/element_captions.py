"""Computes captions for elements of a map: of mappings the keys in which they differ, with their values. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from magnus.values import Json

_LONGEST: Final = 60
_LONGEST_VALUE: Final = 24
_PLAIN_MARKS: Final = frozenset("-_.:/+@%")


def differences(elements: Sequence[Json]) -> Sequence[Mapping[str, Json]]:
    """For each element the keys in which not all agree, with its values; of one element, or equal ones, all keys.

    Keys of mappings in mappings are joined by dots. All are empty if an element is not a mapping.
    """
    if not elements or not all(isinstance(element, dict) for element in elements):
        return [{}] * len(elements)
    flat = [dict(_leaves(element)) for element in elements if isinstance(element, dict)]
    names = dict.fromkeys(name for leaves in flat for name in leaves)
    differing = [name for name in names if _differs(name, flat)] or list(names)
    return [{name: leaves[name] for name in differing if name in leaves} for leaves in flat]


def caption(values: Mapping[str, Json]) -> str:
    """The values on one line, such as `learning_rate=0.1 max_depth=3`; "" for none."""
    text = " ".join(f"{name}={_text(value)}" for name, value in values.items())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def captions(elements: Sequence[Json] | None) -> Sequence[str]:
    """The caption of each element, of numbers the number; "" for elements whose captions are not all different."""
    if elements and all(isinstance(element, int | float) for element in elements):
        texts = [_text(element) for element in elements]
    else:
        texts = [caption(values) for values in differences(elements or ())]
    return texts if len(set(texts)) == len(texts) else [""] * len(texts)


def _leaves(mapping: Mapping[str, Json], before: str = "") -> Iterator[tuple[str, Json]]:
    for name, value in mapping.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _differs(name: str, flat: Sequence[Mapping[str, Json]]) -> bool:
    first = flat[0]
    if name not in first:
        return True
    value = first[name]
    return any(name not in leaves or leaves[name] != value or type(leaves[name]) is not type(value) for leaves in flat)


def _text(value: Json) -> str:
    """The value; a text that could be taken for another value, or for two, in quotes."""
    if isinstance(value, str) and value and all(char.isalnum() or char in _PLAIN_MARKS for char in value):
        text = value
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
