"""Classes of data that pydantic does not know: models of its own first version, attrs classes, msgspec structs.

`tasks.functions.casting` casts to them as to dataclasses, anywhere in an annotation. None of these packages is required.
"""

from collections.abc import Callable, Mapping
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from msgspec import Struct, convert

from magnus.values import Json, UserObject

CastTo = Callable[[UserObject, Json], UserObject]
"""Casts a value to what an annotation names; raises ValueError."""
_MISSING: Final = object()


def checkable(annotation: UserObject, cast: CastTo) -> UserObject:
    """The annotation as pydantic can check it: every class that it does not know is one it has checked here.

    `cast` casts the fields of attrs classes.
    """
    if isinstance(annotation, type) and get_origin(annotation) is None:
        make = _maker(annotation, cast)
        return annotation if make is None else _checked_by(annotation, make)
    arguments = get_args(annotation)
    origin: Any = get_origin(annotation)
    if origin is Annotated:
        inner = checkable(arguments[0], cast)
        return annotation if inner is arguments[0] else Annotated[(inner, *arguments[1:])]
    parts = tuple(checkable(part, cast) for part in arguments)
    return annotation if all(map(_is_same, parts, arguments)) else _with_parts(annotation, parts)


def _is_same(one: UserObject, other: UserObject) -> bool:
    return one is other


def _with_parts(annotation: UserObject, parts: tuple[UserObject, ...]) -> UserObject:
    origin: Any = get_origin(annotation)
    if origin in {Union, UnionType}:
        return Union[parts]  # noqa: UP007 - of values
    if hasattr(annotation, "copy_with"):
        return annotation.copy_with(parts)
    return origin[parts]


def _checked_by(kind: type, make: Callable[[Json], UserObject]) -> UserObject:
    from pydantic import PlainValidator  # lazy: few annotations need it

    def check(value: Json) -> UserObject:
        if isinstance(value, kind):
            return value
        try:
            return make(value)
        except Exception as error:
            text = " ".join(str(error).split())
            raise ValueError(text if isinstance(error, ValueError) else f"{type(error).__name__}: {text}") from error

    return Annotated[Any, PlainValidator(check)]


def _maker(kind: type, cast: CastTo) -> Callable[[Json], UserObject] | None:
    """The function that makes an instance of a JSON value; None for classes that pydantic supports, and for all others."""
    if any(base.__module__ == "pydantic.v1.main" for base in kind.__mro__):
        make: Callable[[Json], UserObject] = kind.parse_obj  # type: ignore[attr-defined]
        return make
    if "__attrs_attrs__" in vars(kind) or hasattr(kind, "__attrs_attrs__"):
        return lambda value: _attrs_instance(kind, value, cast)
    if issubclass(kind, Struct):
        return lambda value: convert(value, kind, strict=False)
    return None


def _attrs_instance(kind: Any, value: Json, cast: CastTo) -> UserObject:
    if not isinstance(value, Mapping):
        raise ValueError(f"{kind.__qualname__} is made of a mapping")  # noqa: TRY004 - pydantic reads ValueErrors
    types = _types_of(kind)
    arguments: dict[str, UserObject] = {}
    for field in kind.__attrs_attrs__:
        if not field.init:
            continue
        name = getattr(field, "alias", None) or field.name.lstrip("_")
        item = value.get(name, value.get(field.name, _MISSING))
        if item is _MISSING:
            continue  # the class has a default, or says that it is missing
        try:
            arguments[name] = cast(types.get(field.name, Any), item)
        except ValueError as error:
            raise ValueError(f"[{name!r}]: {error}") from None
    return kind(**arguments)


def _types_of(kind: Any) -> Mapping[str, UserObject]:
    """The types of the fields; a type without a meaning here is any."""
    try:
        return get_type_hints(kind, include_extras=True)
    except Exception:  # noqa: BLE001 - an annotation is user code
        return {
            field.name: Any if field.type is None or isinstance(field.type, str) else field.type
            for field in kind.__attrs_attrs__
        }
