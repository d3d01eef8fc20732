"""Casts parameters to the types of annotations, for arguments and for `get_parameter`; pydantic loads only when needed."""

import json
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, NewType, TypeVar, Union, get_args, get_origin

from magnus.errors import TaskFailed
from magnus.values import Json, UserObject

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

_SCALARS: Final = frozenset({str, int, float, bool, NoneType})
_CONTAINERS: Final = frozenset({list, dict})
_MOST_REASONS: Final = 3


class WrongType(Exception):
    """A value cannot become what the annotation names; the text says why."""


class Cast:
    """Casts a parameter to the annotation of one argument; the checker is built when a value first needs it."""

    __slots__ = ("_checker", "_exact", "_is_text", "_null_is_text", "annotation")

    def __init__(self, annotation: UserObject) -> None:
        self.annotation = annotation
        self._exact = _exact_types(annotation)
        self._null_is_text = _bare(annotation) is str
        self._is_text = all(_bare(option) in (str, NoneType) for option in _options(annotation))
        self._checker: TypeAdapter[UserObject] | None = None

    @property
    def expected(self) -> str:
        """The annotation as a user would write it."""
        return (
            self.annotation.__qualname__ if _is_class(self.annotation) else str(self.annotation).replace("typing.", "")
        )

    def __call__(self, value: Json, text: str | None = None) -> UserObject:
        """The value as the argument wants it, sharing nothing with `value`.

        Args:
            value: a JSON value.
            text: what a command line or an environment variable said, where the value came from one.

        Raises:
            WrongType: it cannot become that.
        """
        if self._is_text:
            value = self._as_text(value, text)
        if self._exact is None or type(value) in self._exact:
            return fresh(value)
        return self._check(value, text)

    def _as_text(self, value: Json, text: str | None) -> Json:
        if value is None and not self._null_is_text:
            return None
        typed = _text_of(value, text)
        return value if typed is None else typed

    def _check(self, value: Json, text: str | None) -> UserObject:
        from pydantic import PydanticUserError, ValidationError  # lazy: most arguments need no checker

        if self._checker is None:
            self._checker = _new_checker(self.annotation)
        reasons = []
        for check, form in _forms(self._checker, value, text):
            try:
                return check(form)
            except ValidationError as error:
                reasons.append(_reason(error))
            except PydanticUserError as error:  # names in it mean nothing, which pydantic says only now
                raise WrongType(_unusable(error)) from None
        raise WrongType(reasons[0])


def fresh(value: Json) -> Json:
    """The same JSON value in new containers: what user code does to it changes no parameter."""
    match value:
        case dict():
            return {key: fresh(item) for key, item in value.items()}
        case list() if _CONTAINERS.isdisjoint(map(type, value)):
            return value.copy()
        case list():
            return [fresh(item) for item in value]
        case _:
            return value


def _forms(
    checker: "TypeAdapter[UserObject]", value: Json, text: str | None
) -> Iterator[tuple[Callable[[Json], UserObject], Json]]:
    """The ways in which a value may be meant, likeliest first."""
    yield checker.validate_python, fresh(value)
    if type(value) in _CONTAINERS:
        yield checker.validate_json, json.dumps(value)  # what a strict model takes from JSON, dates for one
    typed = _text_of(value, text)
    if typed is not None:
        yield checker.validate_python, typed


def _text_of(value: Json, text: str | None) -> str | None:
    """The text as it was typed, or that of a number or boolean, or None."""
    if text is not None:
        return text
    return json.dumps(value) if isinstance(value, bool | int | float) else None


def is_castable(kind: type) -> bool:
    """Whether values are cast to the class, and do not just have to be instances of it."""
    if kind in _SCALARS or kind in _CONTAINERS:
        return True
    from pydantic import TypeAdapter  # lazy: most arguments need no checker

    from magnus.tasks.functions.foreign_types import checkable  # lazy: as above

    try:
        TypeAdapter(checkable(kind, _cast_to))
    except Exception:  # noqa: BLE001 - a class of the user may do anything when it is looked at
        return False
    return True


def _new_checker(annotation: UserObject) -> "TypeAdapter[UserObject]":
    from pydantic import ConfigDict, PydanticUserError, TypeAdapter  # lazy: most arguments need no checker

    from magnus.tasks.functions.foreign_types import checkable  # lazy: as above

    lax = ConfigDict(coerce_numbers_to_str=True, arbitrary_types_allowed=True)
    unusable = ""
    for config in (lax, None):  # models and dataclasses refuse one, since they bring their own
        try:
            return TypeAdapter(checkable(annotation, _cast_to), config=config)
        except Exception as error:  # noqa: BLE001 - an annotation is user code, and so are classes in it
            if isinstance(error, PydanticUserError) and error.code == "typed-dict-version":
                return TypeAdapter(Any)  # pydantic can look into these only from python 3.12 on
            unusable = _unusable(error)
    raise WrongType(unusable)


def _cast_to(annotation: UserObject, value: Json) -> UserObject:
    """The value as the annotation of a field wants it; ValueError when it cannot become that."""
    try:
        return Cast(annotation)(value)
    except WrongType as wrong:
        raise ValueError(str(wrong)) from None


def _unusable(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return f"pydantic cannot check this annotation: {lines[0]}"


def _reason(error: "ValidationError") -> str:
    """The errors of pydantic, each with its place inside the value."""
    reasons = []
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        place = "".join(f"[{step!r}]" for step in problem["loc"])
        reasons.append(f"{place}: {problem['msg']}" if place else problem["msg"])
    left_out = len(reasons) - _MOST_REASONS
    more = [f"and {left_out} more"] if left_out > 0 else []
    return "; ".join(reasons[:_MOST_REASONS] + more)


def _exact_types(annotation: UserObject) -> frozenset[type] | None:
    """The types whose values are taken as they are; None for all of them."""
    if annotation is Any or annotation is object or isinstance(annotation, TypeVar):
        return None
    if _is_class(annotation) and annotation in _CONTAINERS:
        return frozenset({annotation})
    return frozenset(option for option in _options(annotation) if _is_class(option) and option in _SCALARS)


def _options(annotation: UserObject) -> tuple[UserObject, ...]:
    """The members of a union, or the annotation itself."""
    members = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)
    return tuple(NoneType if member is None else member for member in members)


def _bare(annotation: UserObject) -> UserObject:
    """The type behind a new type or an annotated one."""
    bare: Any = annotation
    while True:
        if get_origin(bare) is Annotated:
            bare = get_args(bare)[0]
        elif isinstance(bare, NewType):
            bare = bare.__supertype__
        else:
            return bare


def _is_class(annotation: UserObject) -> bool:
    return isinstance(annotation, type) and get_origin(annotation) is None


def cast_parameter(name: str, cast_as: UserObject, value: Json, text: str | None) -> UserObject:
    """The parameter as the type, or as what any other callable makes of its value.

    Args:
        name: of the parameter, for messages.
        cast_as: what the annotation of an argument may be, or a callable.
        value: of the parameter.
        text: what a command line or an environment variable said, where the value came from one.

    Raises:
        TaskFailed: the value cannot become that.
    """
    if not _is_annotation(cast_as):
        return cast_as(value)
    cast = Cast(cast_as)
    try:
        return cast(value, text)
    except WrongType as wrong:
        from magnus.tasks.text import short_json  # lazy: only mistakes need it

        raise TaskFailed(
            f"the parameter '{name}' must be {cast.expected}, but is {short_json(value)}: {wrong}"
        ) from None


def cast_parameters(cast_as: UserObject, values: Mapping[str, Json], texts: Mapping[str, str]) -> UserObject:
    """All parameters together, likewise; a field that is text gets the text of its parameter, where it has one."""
    if not _is_annotation(cast_as):
        return cast_as(dict(values))
    cast = Cast(cast_as)
    try:
        return cast(values)
    except WrongType as wrong:
        try:
            return cast({**values, **texts})
        except WrongType:
            there = ", ".join(map(repr, values)) or "none"
            raise TaskFailed(
                f"the parameters cannot become {cast.expected}: {wrong}; the parameters are {there}"
            ) from None


def _is_annotation(cast_as: UserObject) -> bool:
    """Whether it is a type that values are cast to, and nothing that is to be called."""
    if isinstance(cast_as, FunctionType):
        return False
    is_written_type = get_origin(cast_as) is not None or isinstance(cast_as, NewType) or not callable(cast_as)
    return is_written_type or cast_as is Any or (isinstance(cast_as, type) and is_castable(cast_as))
