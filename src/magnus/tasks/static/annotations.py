"""Reads annotations as shapes of results, and as the values that arguments take. Used where functions are described.

A result becomes JSON by `engine.values.json_values`, an argument is cast by `tasks.functions.casting`; anything else that an annotation
means stays open.
"""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path, PurePath
from types import NoneType, UnionType
from typing import Any, Final, Literal, NewType, Union, get_args, get_origin, get_type_hints, is_typeddict
from uuid import UUID

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields as struct_fields

from magnus.graph.dataflow.shapes import ANYTHING, AcceptedShape, Shape, joined, of_value
from magnus.tasks.functions.casting import Cast, WrongType
from magnus.tasks.text import short_json
from magnus.values import Json, UserObject

_TEXTS: Final = (date, datetime, time, timedelta, PurePath, Path, UUID, Decimal)
"""Types that become text in JSON, and are cast from text again."""
_LISTS: Final = (list, tuple, set, frozenset, Sequence, Collection, Iterable, AbstractSet)
_DICTS: Final = (dict, Mapping)
_SCALARS: Final[Mapping[Any, frozenset[str]]] = {
    bool: frozenset({"bool"}),
    int: frozenset({"int"}),
    float: frozenset({"int", "float"}),
    str: frozenset({"str"}),
    NoneType: frozenset({"null"}),
    None: frozenset({"null"}),
}
_TAKEN: Final[Mapping[Any, tuple[frozenset[str], frozenset[str]]]] = {
    bool: (frozenset({"bool", "int"}), frozenset({"float", "str"})),
    int: (frozenset({"bool", "int"}), frozenset({"float", "str"})),
    float: (frozenset({"bool", "int", "float"}), frozenset({"str"})),
    str: (frozenset({"bool", "int", "float", "str"}), frozenset()),
    NoneType: (frozenset({"null"}), frozenset()),
    None: (frozenset({"null"}), frozenset()),
}
_AS_TEXT: Final = frozenset({"bool", "int", "float", "str"})
"""The kinds of JSON values that casting may take as the text of a variable or an option."""
_OF_TEXTS: Final[Mapping[Any, frozenset[str]]] = {timedelta: _AS_TEXT, PurePath: _AS_TEXT}
"""Types that booleans are cast to, since the text of a boolean is valid for them."""
_ITERATED: Final[Mapping[Any, frozenset[str]]] = {
    Collection: frozenset({"list", "dict"}) | _AS_TEXT,
    Iterable: frozenset({"list", "dict"}) | _AS_TEXT,
}
"""The kinds of values that these take, with any items: items are checked on use, or never."""
_DEEPEST: Final = 4


class Part(Struct, frozen=True):
    """A part of a class with named parts: its annotation, its names, the first of which it is set under."""

    names: tuple[str, ...]
    annotation: UserObject
    is_required: bool


def shape_of(annotation: UserObject, depth: int = 0) -> Shape:
    """The shape of a result with this annotation, as JSON."""
    origin: Any = get_origin(annotation)
    if origin in {Union, UnionType}:
        shape = joined(shape_of(option, depth) for option in get_args(annotation))
        return _with_text(shape, annotation)
    if _is_annotated(annotation):
        return shape_of(get_args(annotation)[0], depth)
    if isinstance(annotation, NewType):
        return shape_of(annotation.__supertype__, depth)
    if origin is Literal:
        return _with_text(joined(of_value(value) for value in get_args(annotation)), annotation)
    if isinstance(annotation, type | NoneType) and origin is None and annotation in _SCALARS:
        return _with_text(Shape(_SCALARS[annotation]), annotation)
    kind = origin or annotation
    if kind in _LISTS:
        return _with_text(Shape(frozenset({"list"}), _item(annotation, depth)), annotation)
    if kind in _DICTS:
        return _with_text(Shape(frozenset({"dict"})), annotation)
    if isinstance(kind, type) and issubclass(kind, _TEXTS):
        return _with_text(Shape(frozenset({"str"})), annotation)
    parts = parts_of(annotation) if depth < _DEEPEST else None
    if parts is None:
        return ANYTHING
    inside = {part.names[0]: shape_of(part.annotation, depth + 1) for part in parts}
    return _with_text(Shape(frozenset({"dict"}), None, inside), annotation)


def _item(annotation: UserObject, depth: int) -> Shape | None:
    arguments = [argument for argument in get_args(annotation) if argument is not Ellipsis]
    if not arguments or depth >= _DEEPEST or (_origin(annotation) is not tuple and len(arguments) != 1):
        return None
    shape = joined(shape_of(argument, depth + 1) for argument in arguments)
    return None if shape == ANYTHING else shape


def _origin(annotation: UserObject) -> Any:
    return get_origin(annotation)


def accepted_shape(annotation: UserObject, *, is_exact: bool = True, depth: int = 0) -> AcceptedShape:
    """The values an argument with this annotation takes; `is_exact` casts concrete values, as a run does."""
    shape = _accepted(annotation, depth)
    if depth or not is_exact:
        return shape
    cast = Cast(annotation)

    def refuses(value: Json, text: str | None) -> str:
        try:
            cast(value, text)
        except WrongType as wrong:
            return f"it is {short_json(value)}: {wrong}"
        except Exception:  # noqa: BLE001 - validators are user code
            return ""
        return ""

    return AcceptedShape(
        shape.kinds,
        shape.perhaps,
        shape.item,
        shape.required,
        shape.fields,
        annotation_text(annotation),
        refuses,
        shape.objects,
    )


def _accepted(annotation: UserObject, depth: int) -> AcceptedShape:
    origin: Any = get_origin(annotation)
    if origin in {Union, UnionType}:
        return _one_of([_accepted(option, depth) for option in get_args(annotation)], annotation)
    if _is_annotated(annotation):
        return _constrained(annotation, depth)
    if isinstance(annotation, NewType):
        return _accepted(annotation.__supertype__, depth)
    if isinstance(annotation, type | NoneType) and origin is None and annotation in _TAKEN:
        taken, perhaps = _TAKEN[annotation]
        return AcceptedShape(taken, perhaps, wording=annotation_text(annotation))
    kind = origin or annotation
    if kind in _LISTS:
        return _accepted_list(annotation, kind, depth)
    if kind in _DICTS:
        return AcceptedShape(frozenset({"dict"}), wording=annotation_text(annotation))
    if isinstance(kind, type) and issubclass(kind, _TEXTS):
        more = next((taken for base, taken in _OF_TEXTS.items() if issubclass(kind, base)), frozenset())
        return AcceptedShape(frozenset({"str", "int", "float"}) | more, wording=annotation_text(annotation))
    is_read = depth >= _DEEPEST or _reads_itself(annotation) or is_typeddict(annotation)  # the last are not looked into
    parts = None if is_read else parts_of(annotation)
    if parts is None:
        return AcceptedShape()
    required = tuple(part.names for part in parts if part.is_required)
    inside = {name: _accepted(part.annotation, depth + 1) for part in parts for name in part.names}
    is_tuple = isinstance(annotation, type) and issubclass(annotation, tuple)
    return AcceptedShape(
        frozenset({"dict", "list"} if is_tuple else {"dict"}),
        required=required,
        fields=inside,
        wording=annotation_text(annotation),
    )


def _accepted_list(annotation: UserObject, kind: UserObject, depth: int) -> AcceptedShape:
    if kind in _ITERATED:
        return AcceptedShape(_ITERATED[kind], wording=annotation_text(annotation))
    arguments = get_args(annotation)
    if kind is Sequence and arguments in {(), (Any,)}:
        return AcceptedShape(frozenset({"list"}) | _AS_TEXT, wording=annotation_text(annotation))
    item = _accepted(arguments[0], depth + 1) if len(arguments) == 1 and depth < _DEEPEST else None
    return AcceptedShape(frozenset({"list"}), item=item, wording=annotation_text(annotation))


def _one_of(options: Sequence[AcceptedShape], annotation: UserObject) -> AcceptedShape:
    taken: frozenset[str] = frozenset()
    perhaps: frozenset[str] = frozenset()
    for option in options:
        if option.kinds is None:
            return AcceptedShape()
        taken, perhaps = taken | option.kinds, perhaps | option.perhaps
    with_parts = [option for option in options if option.kinds and option.kinds & {"list", "dict"}]
    if len(with_parts) != 1:
        return AcceptedShape(taken, perhaps - taken, wording=annotation_text(annotation))
    [one] = with_parts
    return AcceptedShape(taken, perhaps - taken, one.item, one.required, one.fields, annotation_text(annotation))


def _constrained(annotation: UserObject, depth: int) -> AcceptedShape:
    """Of `Annotated`: what stands in it, unless a function of the user looks at the value first."""
    bare, *more = get_args(annotation)
    looks = any(type(part).__module__.startswith("pydantic") and "Validator" in type(part).__name__ for part in more)
    return AcceptedShape() if looks else _accepted(bare, depth)


def _is_annotated(annotation: UserObject) -> bool:
    return hasattr(annotation, "__metadata__")


def parts_of(annotation: UserObject) -> Sequence[Part] | None:
    """The named parts of a pydantic model (by alias), dataclass, struct, named tuple or TypedDict; None of others."""
    if not isinstance(annotation, type):
        return None
    try:
        return _parts(annotation)
    except Exception:  # noqa: BLE001 - annotations and their names are user code
        return None


def _parts(kind: type[Any]) -> Sequence[Part] | None:
    if is_typeddict(kind):
        required: frozenset[str] = getattr(kind, "__required_keys__", frozenset())
        return [Part((name,), hint, name in required) for name, hint in get_type_hints(kind).items()]
    if is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        return [
            Part((part.name,), hints[part.name], part.init and part.default is part.default_factory is MISSING)
            for part in fields(kind)
        ]
    if issubclass(kind, Struct):
        return [
            Part((part.name,), part.type, part.default is NODEFAULT and part.default_factory is NODEFAULT)
            for part in struct_fields(kind)
        ]
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        hints, defaults = get_type_hints(kind), getattr(kind, "_field_defaults", {})
        return [Part((name,), hints.get(name, Any), name not in defaults) for name in kind._fields]
    return _parts_of_model(kind) if _is_model(kind) else None


def _is_model(kind: type[Any]) -> bool:
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and issubclass(kind, pydantic.BaseModel)


def _parts_of_model(model: Any) -> Sequence[Part] | None:
    decorators = model.__pydantic_decorators__
    if model.__pydantic_root_model__ or decorators.model_serializers or decorators.computed_fields:
        return None
    if model.model_config.get("extra") == "allow":
        return None
    parts = []
    for name, part in model.model_fields.items():
        if part.exclude or (part.validation_alias is not None and not isinstance(part.validation_alias, str)):
            return None
        names = (part.serialization_alias or part.alias or name, part.validation_alias or name, name)
        annotation = part.annotation if not part.metadata else Any
        parts.append(Part(tuple(dict.fromkeys(names)), annotation, part.is_required()))
    return parts


def _reads_itself(annotation: UserObject) -> bool:
    """Whether code of the user looks at a value before its parts are read."""
    if not isinstance(annotation, type):
        return False
    decorators = getattr(annotation, "__pydantic_decorators__", None)
    if decorators is not None and (decorators.model_validators or decorators.field_validators):
        return True
    has_schema = "__get_pydantic_core_schema__" in vars(annotation) or hasattr(annotation, "__get_validators__")
    return has_schema and not _is_model(annotation)


def annotation_text(annotation: UserObject) -> str:
    """The annotation as a user would write it."""
    if annotation is None or annotation is NoneType:
        return "None"
    return Cast(annotation).expected


def _with_text(shape: Shape, annotation: UserObject) -> Shape:
    if shape == ANYTHING:
        return shape
    return Shape(shape.kinds, shape.item, shape.fields, shape.values, annotation_text(annotation))
