"""Computes shapes of values that do not exist yet, and whether a task accepts them. Pure; used by `flow`."""

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
    """The facts about a value that does not exist yet.

    Attributes:
        kinds: the kinds it may have, of KINDS, or `object` for an object of the catalog; None for any.
        item: the shape of the items of a list.
        fields: the keys that a mapping certainly has; None when they are unknown.
        values: all possible values, each with its text on a command line.
        wording: its type as the author wrote it, for messages.
    """

    kinds: frozenset[str] | None = None
    item: "Shape | None" = None
    fields: Mapping[str, "Shape"] | None = None
    values: tuple[tuple[Json, str | None], ...] | None = None
    wording: str = ""

    def __str__(self) -> str:
        if self.wording:
            return self.wording
        if self.values is not None and len(self.values) == 1:
            return _short(self.values[0][0])
        if self.kinds is None:
            return "anything"
        return " or ".join(_WORDS[kind] for kind in (*KINDS, "object") if kind in self.kinds)


class AcceptedShape(Struct, frozen=True):
    """The values that a task, a reducer or a composite accepts.

    Attributes:
        kinds: the kinds of which all values are accepted; None for any.
        perhaps: the kinds of which some values are accepted.
        item: the values that are accepted as items of a list.
        required: the keys that a mapping must have; for each key all names that it may have.
        fields: the values that are accepted for keys of a mapping.
        wording: the type as the author wrote it, for messages.
        refuses: returns why a value is not accepted, or ""; None when the other attributes decide.
        objects: whether this holds for objects of the catalog too, which python functions get unchanged.
    """

    kinds: frozenset[str] | None = None
    perhaps: frozenset[str] = frozenset()
    item: "AcceptedShape | None" = None
    required: tuple[tuple[str, ...], ...] = ()
    fields: Mapping[str, "AcceptedShape"] | None = None
    wording: str = ""
    refuses: Callable[[Json, str | None], str] | None = None
    objects: bool = False


class Fit(IntEnum):
    """Whether a shape is accepted, the worst last."""

    YES = 0
    PERHAPS = 1
    NO = 2


class Fitting(Struct, frozen=True):
    """Whether a shape fits, and the reason if not."""

    fit: Fit
    reason: str = ""


ANYTHING: Final = Shape()
"""The shape of a value without any facts."""
_FITS: Final = Fitting(Fit.YES)


def kinds(*names: str, wording: str = "") -> Shape:
    """The shape of values of these kinds."""
    return Shape(frozenset(names), wording=wording)


def of_value(value: Json, text: str | None = None) -> Shape:
    """The shape of a value that exists already."""
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
    """The shape of a value that has one of these shapes; there is at least one."""
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
    item = joined(shape for shape in items if shape) if items and all(items) else None
    fields = one.fields if one.fields == other.fields else None
    wording = one.wording if one.wording == other.wording else ""
    return Shape(one.kinds | other.kinds, item, fields, values, wording)


def fitting(shape: Shape, accepted: AcceptedShape) -> Fitting:
    """Whether values of the shape are accepted."""
    if shape.kinds is None or (shape.kinds == frozenset({"object"}) and not accepted.objects):
        return _FITS
    if accepted.refuses is not None and shape.values is not None:
        return _of_values(shape, accepted.refuses)
    if accepted.kinds is None:
        return _FITS
    there = shape.kinds if accepted.objects else shape.kinds - {"object"}
    if not there & (accepted.kinds | accepted.perhaps):
        return Fitting(Fit.NO, f"it is {shape}")
    inside = _inside(shape, accepted)
    if inside.fit is Fit.NO and there == {"dict"}:
        return inside
    unaccepted = there - accepted.kinds
    if not unaccepted:
        return Fitting(min(inside.fit, Fit.PERHAPS), inside.reason)
    if shape.wording and shape.wording == accepted.wording:
        return _FITS
    return Fitting(Fit.PERHAPS, f"it is {shape}")


def _of_values(shape: Shape, refuses: Callable[[Json, str | None], str]) -> Fitting:
    reasons = [refuses(value, text) for value, text in shape.values or ()]
    refused = next(filter(None, reasons), "")
    if not refused:
        return _FITS
    return Fitting(Fit.NO if all(reasons) else Fit.PERHAPS, refused)


def _inside(shape: Shape, accepted: AcceptedShape) -> Fitting:
    """Whether the parts of a list or a mapping fit."""
    if shape.item is not None and accepted.item is not None and "list" in (shape.kinds or ()):
        part_fit = fitting(shape.item, accepted.item)
        if part_fit.fit is not Fit.YES:
            return Fitting(
                Fit.PERHAPS, f"it is {shape if shape.wording else f'a list, and of an item: {part_fit.reason}'}"
            )
    if shape.fields is None or shape.kinds != frozenset({"dict"}):
        return _FITS
    folded = {key.casefold() for key in shape.fields}
    for names in accepted.required:
        if not any(name.casefold() in folded for name in names):
            there = ", ".join(map(repr, shape.fields)) or "none"
            return Fitting(Fit.NO, f"it has no '{names[0]}'; its keys are {there}")
    for key, part in (accepted.fields or {}).items():
        if key in shape.fields and (part_fit := fitting(shape.fields[key], part)).fit is Fit.NO:
            return Fitting(Fit.NO, f"of its '{key}', {part_fit.reason}")
    return _FITS


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "..."
