"""Parameters that user code asks for as a type, cast as arguments are. Used by `magnus.interaction`."""

from collections.abc import Mapping
from types import FunctionType
from typing import Any, NewType, get_origin

from magnus.errors import TaskFailed
from magnus.tasks.casting import Cast, WrongType, is_castable
from magnus.tasks.text import shortened
from magnus.values import Json, UserObject


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
        raise TaskFailed(
            f"the parameter '{name}' must be {cast.expected}, but is {shortened(value)}: {wrong}"
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
