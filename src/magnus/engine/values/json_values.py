"""Python values to the JSON values that parameters are made of.

Called where user code gives something back: by the python task kinds for results, by `magnus.interaction`.
"""

import sys
from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from enum import Enum
from math import isfinite
from pathlib import PurePath
from types import NoneType
from typing import Final

from msgspec import Struct, field

from magnus.errors import TaskFailed
from magnus.json_text import TOO_LONG, is_short
from magnus.values import Json, UserObject

_PLAIN: Final = frozenset({str, int, float, bool, NoneType})
_CONTAINERS: Final = frozenset({dict, list, tuple})


class NotJson(TaskFailed):
    """A value has no form in JSON; the message says which part of it, and what to do."""


def to_json_value(value: UserObject, *, name: str = "value", allow_nan: bool = False) -> Json:
    """The JSON value that `value` stands for; containers are always new, so that nobody can change them later.

    Pydantic models (by alias), dataclasses, attrs classes, msgspec structs and named tuples become mappings, tuples lists, enums their value, dates and
    times ISO text, paths, UUIDs and decimals text, scalars of numpy and its like what they hold.

    Args:
        value: anything.
        name: what messages call it: the name of the parameter.
        allow_nan: whether NaN and infinity may be part of it, as in metrics.

    Raises:
        NotJson: the value, or something inside it, is nothing of the above.
    """
    try:
        return _Conversion(allow_nan).convert(value)
    except _Refused as refused:
        hint = f"; to keep it as it is, declare returns: [{{name: {name}, kind: object}}]" if refused.is_object else ""
        place = "".join(f"[{step!r}]" for step in refused.place)
        raise NotJson(f"{name}{place} {refused}{hint}") from None
    except RecursionError:
        raise NotJson(f"{name} is nested too deeply for JSON") from None


def is_model(value: UserObject) -> bool:
    """Whether `value` is an instance of a pydantic model; loads nothing to find out."""
    return _is_a(value, "pydantic", "BaseModel") or is_old_model(value)


def is_old_model(value: UserObject) -> bool:
    """Whether `value` is an instance of a model of `pydantic.v1`."""
    return _is_a(value, "pydantic.v1.main", "BaseModel")


def members(value: UserObject) -> dict[str, UserObject] | None:
    """The parts of an instance of a dataclass, an attrs class, a msgspec struct or a named tuple, by name; else None."""
    if isinstance(value, type):
        return None
    if hasattr(value, "__dataclass_fields__"):
        from dataclasses import fields  # lazy: loaded already when there is one

        return {part.name: getattr(value, part.name) for part in fields(value)}
    if hasattr(value, "__attrs_attrs__"):
        return {part.name: getattr(value, part.name) for part in value.__attrs_attrs__}
    if isinstance(value, Struct):
        return {name: getattr(value, name) for name in value.__struct_fields__}
    if isinstance(value, tuple) and isinstance(names := getattr(value, "_fields", None), tuple):
        return dict(zip(names, value, strict=True))
    return None


def type_name(value: UserObject) -> str:
    """The type of a value as messages name it: with its module, unless it is built in."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


class _Refused(Exception):
    """Something cannot be JSON; `place` grows on the way out, `is_object` when it could be kept as an object."""

    def __init__(self, reason: str, *, is_object: bool = False) -> None:
        super().__init__(reason)
        self.place: tuple[str | int, ...] = ()
        self.is_object = is_object

    def inside(self, step: str | int) -> "_Refused":
        self.place = (step, *self.place)
        return self


class _Conversion(Struct, frozen=True):
    """One value on its way; `entered` are the containers around the part in hand, by identity, to notice cycles."""

    allow_nan: bool
    entered: set[int] = field(default_factory=set)

    def convert(self, value: UserObject) -> Json:
        kind = type(value)
        if kind in _PLAIN:
            return self._checked(value)
        if kind in _CONTAINERS:
            return self._within(value, value)
        return self._special(value)

    def _checked(self, value: Json) -> Json:
        """A value of a plain type, when it is one that JSON can hold."""
        match value:
            case str():
                _check_text(value)
            case float() if not self.allow_nan and not isfinite(value):
                raise _Refused(f"is {value}, which JSON cannot hold; only metrics may be NaN or infinite")
            case int() if not is_short(value):
                raise _Refused(f"{TOO_LONG}; return it as text")
        return value

    def _within(self, value: UserObject, parts: UserObject) -> Json:
        """The converted `parts` of the container `value`, which must not contain itself."""
        if id(value) in self.entered:
            raise _Refused("contains itself")
        self.entered.add(id(value))
        try:
            return self._mapping(parts) if isinstance(parts, Mapping) else self._list(parts)
        finally:
            self.entered.discard(id(value))

    def _list(self, items: UserObject) -> Json:
        if _all_quick(items):
            return list(items)
        converted = []
        for index, item in enumerate(items):
            try:
                converted.append(self.convert(item))
            except _Refused as refused:
                raise refused.inside(index) from None
        return converted

    def _mapping(self, items: Mapping[UserObject, UserObject]) -> Json:
        converted = {}
        for key, item in items.items():
            if not isinstance(key, str):
                raise _Refused(f"has the key {key!r} of type {type_name(key)}; keys must be text")
            text = _check_text(str.__str__(key))
            try:
                converted[text] = self.convert(item)
            except _Refused as refused:
                raise refused.inside(text) from None
        return converted

    def _special(self, value: UserObject) -> Json:
        """Everything whose type is not one that JSON has in python."""
        match value:
            case Enum():
                return self.convert(value.value)
            case str():
                return self._checked(str.__str__(value))
            case int():
                return self._checked(int(value))
            case float():
                return self._checked(float(value))
            case _ if (text := _text_of(value)) is not None:
                return self._checked(text)
            case _:
                return self._structured(value)

    def _structured(self, value: UserObject) -> Json:
        if is_model(value):
            return self.convert(_dumped(value))
        if (parts := members(value)) is not None:
            return self._within(value, parts)
        if isinstance(value, Mapping | list | tuple):
            return self._within(value, value)
        item = _scalar_item(value)
        if type(item) is type(value):
            raise _Refused(f"is a value of type {type_name(value)}, which JSON cannot hold", is_object=True)
        return self.convert(item)


def _all_quick(items: UserObject) -> bool:
    """Whether long lists need no look at each item in python: all of one plain type, and nothing unusual."""
    kinds = set(map(type, items))
    return len(kinds) == 1 and all(map(_QUICK.get(kinds.pop(), _never), items))


def _check_text(text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _Refused("is text with half a surrogate pair, which JSON cannot hold") from None
    return text


def _never(value: UserObject) -> bool:
    del value
    return False


_QUICK: Final[Mapping[type, Callable[[UserObject], bool]]] = {float: isfinite, str: str.isascii, int: is_short}


def _is_a(value: UserObject, module: str, name: str) -> bool:
    """Whether `value` is an instance of a class of a module that may not have been loaded."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(value, getattr(loaded, name))


def _text_of(value: UserObject) -> str | None:
    """The text that stands for dates, times, durations, paths, UUIDs and decimals; None for everything else."""
    match value:
        case date() | time():
            return value.isoformat()
        case timedelta():
            return _iso_duration(value)
        case PurePath():
            return str(value)
        case _:
            return str(value) if _is_its_text(value) else None


def _is_its_text(value: UserObject) -> bool:
    # `item` of a numpy date would be a bare number when it counts nanoseconds
    return _is_a(value, "uuid", "UUID") or _is_a(value, "decimal", "Decimal") or _is_numpy(value, "datetime64")


def _is_numpy(value: UserObject, name: str) -> bool:
    return type(value).__module__ == "numpy" and type(value).__name__ == name


def _scalar_item(value: UserObject) -> UserObject:
    """What a scalar of numpy, or of anything that looks like one, holds; the value itself when it is no such scalar."""
    shape, item = getattr(value, "shape", None), getattr(value, "item", None)
    if not isinstance(shape, tuple) or shape or not callable(item) or isinstance(value, type):
        return value
    held = item()
    if _is_numpy(value, "longdouble"):
        return float(held)
    without_unit = _is_numpy(value, "timedelta64") and isinstance(held, int)
    return value if without_unit else held


def _iso_duration(value: timedelta) -> str:
    from pydantic_core import to_jsonable_python  # lazy: durations are rare

    return str(to_jsonable_python(value))


def _dumped(model: UserObject) -> Json:
    """What pydantic makes of a model: the model itself says how its fields are written."""
    from pydantic_core import PydanticSerializationError  # lazy: loaded already when there is a model

    if is_old_model(model):
        return model.dict(by_alias=True)
    try:
        return model.model_dump(mode="json", by_alias=True)
    except (PydanticSerializationError, ValueError) as error:  # ValueError: the model contains itself
        raise _Refused(f"is a {type_name(model)} that cannot be written as JSON: {error}", is_object=True) from None
