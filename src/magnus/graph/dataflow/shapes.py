"""What JSON values something may be, and whether they are what somebody wants. Pure; used by `graph.dataflow.flow`."""

import json
from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from typing import Final

from msgspec import Struct

from magnus.values import Json

KINDS: Final = ("null", "bool", "int", "float", "str", "list", "dict")
"""The kinds of JSON values, whole numbers apart."""
_MOST_VALUES: Final = 16
_WORDS: Final = {
    "null": "null",
    "bool": "a boolean",
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "list": "a list",
    "dict": "a mapping",
    "object": "an object of the catalog",
}


class Shape(Struct, frozen=True):
    """What is known of a value before it is there.

    Attributes:
        kinds: of what kind it may be, one of KINDS or `object` for an object of the catalog; None for any.
        item: what the items of a list may be.
        fields: the keys that a mapping is sure to have, where all of them are known.
        values: the only values there are, with the text that a command line said.
        said: how its author wrote it, for messages.
    """

    kinds: frozenset[str] | None = None
    item: "Shape | None" = None
    fields: Mapping[str, "Shape"] | None = None
    values: tuple[tuple[Json, str | None], ...] | None = None
    said: str = ""

    def __str__(self) -> str:
        if self.said:
            return self.said
        if self.values is not None and len(self.values) == 1:
            return _short(self.values[0][0])
        if self.kinds is None:
            return "anything"
        return " or ".join(_WORDS[kind] for kind in (*KINDS, "object") if kind in self.kinds)


class Wanted(Struct, frozen=True):
    """What somebody takes.

    Attributes:
        kinds: those that are always taken; None for any.
        perhaps: those of which some values are taken.
        item: what is wanted of each item of a list.
        required: the keys that a mapping has to have; for each all names by which it may come.
        fields: what is wanted of the keys of a mapping where they are there.
        said: how it is written, for messages.
        refuses: says why a value is not taken, or "" when it is; None where only the rest counts.
        objects: whether it is said of objects of the catalog too, which python functions get as they are.
    """

    kinds: frozenset[str] | None = None
    perhaps: frozenset[str] = frozenset()
    item: "Wanted | None" = None
    required: tuple[tuple[str, ...], ...] = ()
    fields: Mapping[str, "Wanted"] | None = None
    said: str = ""
    refuses: Callable[[Json, str | None], str] | None = None
    objects: bool = False


class Fit(IntEnum):
    """Whether what there is is what is wanted, the worst last."""

    YES = 0
    PERHAPS = 1
    NO = 2


class Fitting(Struct, frozen=True):
    """How something fits, and why not."""

    fit: Fit
    reason: str = ""


ANYTHING: Final = Shape()
"""The shape of a value of which nothing is known."""
_FITS: Final = Fitting(Fit.YES)


def kinds(*names: str, said: str = "") -> Shape:
    """What is of one of these kinds."""
    return Shape(frozenset(names), said=said)


def of_value(value: Json, text: str | None = None) -> Shape:
    """What is known of a value that is there already."""
    fields = {key: of_value(item) for key, item in value.items()} if isinstance(value, dict) else None
    item = joined(map(of_value, value)) if isinstance(value, list) and value else None
    return Shape(frozenset({kind_of(value)}), item, fields, ((value, text),))


def kind_of(value: Json) -> str:
    """The kind of a JSON value."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float"
        case str():
            return "str"
        case list():
            return "list"
        case _:
            return "dict"


def joined(shapes: Iterable[Shape]) -> Shape:
    """What is one of these, at least one."""
    first, *others = shapes
    for other in others:
        first = _of_two(first, other)
    return first


def _of_two(one: Shape, other: Shape) -> Shape:
    if one == other or one.kinds is None or other.kinds is None:
        return one if one == other else ANYTHING
    values = None
    if one.values is not None and other.values is not None and len(one.values) + len(other.values) <= _MOST_VALUES:
        values = (*one.values, *(value for value in other.values if value not in one.values))
    items = [shape.item for shape in (one, other) if "list" in (shape.kinds or ())]
    item = joined(found for found in items if found) if items and all(items) else None
    fields = one.fields if one.fields == other.fields else None
    said = one.said if one.said == other.said else ""
    return Shape(one.kinds | other.kinds, item, fields, values, said)


def fitting(shape: Shape, wanted: Wanted) -> Fitting:
    """Whether what there is is what is wanted."""
    if shape.kinds is None or (shape.kinds == frozenset({"object"}) and not wanted.objects):
        return _FITS
    if wanted.refuses is not None and shape.values is not None:
        return _of_values(shape, wanted.refuses)
    if wanted.kinds is None:
        return _FITS
    there = shape.kinds if wanted.objects else shape.kinds - {"object"}
    if not there & (wanted.kinds | wanted.perhaps):
        return Fitting(Fit.NO, f"it is {shape}")
    inside = _inside(shape, wanted)
    if inside.fit is Fit.NO and there == {"dict"}:
        return inside
    left = there - wanted.kinds
    if not left:
        return Fitting(min(inside.fit, Fit.PERHAPS), inside.reason)
    if shape.said and shape.said == wanted.said:
        return _FITS
    return Fitting(Fit.PERHAPS, f"it is {shape}")


def _of_values(shape: Shape, refuses: Callable[[Json, str | None], str]) -> Fitting:
    reasons = [refuses(value, text) for value, text in shape.values or ()]
    refused = next(filter(None, reasons), "")
    if not refused:
        return _FITS
    return Fitting(Fit.NO if all(reasons) else Fit.PERHAPS, refused)


def _inside(shape: Shape, wanted: Wanted) -> Fitting:
    """Whether the parts of a list or a mapping fit."""
    if shape.item is not None and wanted.item is not None and "list" in (shape.kinds or ()):
        found = fitting(shape.item, wanted.item)
        if found.fit is not Fit.YES:
            return Fitting(Fit.PERHAPS, f"it is {shape if shape.said else f'a list, and of an item: {found.reason}'}")
    if shape.fields is None or shape.kinds != frozenset({"dict"}):
        return _FITS
    folded = {key.casefold() for key in shape.fields}
    for names in wanted.required:
        if not any(name.casefold() in folded for name in names):
            there = ", ".join(map(repr, shape.fields)) or "none"
            return Fitting(Fit.NO, f"it has no '{names[0]}'; its keys are {there}")
    for key, part in (wanted.fields or {}).items():
        if key in shape.fields and (found := fitting(shape.fields[key], part)).fit is Fit.NO:
            return Fitting(Fit.NO, f"of its '{key}', {found.reason}")
    return _FITS


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "..."
