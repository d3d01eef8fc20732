"""Checks the arguments of SDK objects that no model of a file checks. Used by these objects."""

import os
from collections.abc import Iterable, Mapping
from typing import TypeVar

from msgspec import Struct

from magnus.definition.built_pipeline import METHOD
from magnus.errors import InvalidDefinition, InvalidInput
from magnus.sdk import locations
from magnus.suggest import nearest_or_all
from magnus.values import UserObject

Value = TypeVar("Value")


class Kind(Struct, frozen=True):
    """The types of an argument, for `isinstance` and in words; `or_pipeline` accepts pipelines too."""

    types: tuple[type, ...]
    words: str
    or_pipeline: bool = False

    def has(self, value: UserObject) -> bool:
        """Whether the value is of this kind."""
        return isinstance(value, self.types) or (self.or_pipeline and hasattr(type(value), METHOD))


TEXT = Kind((str,), "text")
PATH = Kind((str, os.PathLike), "the path of a file")
TRUTH = Kind((bool,), "True or False")
MAPPING = Kind((Mapping, type(None)), "a mapping of names to values")


def check(kind: Kind, *, step: str = "", error: type[InvalidInput] = InvalidDefinition, **given: UserObject) -> None:
    """Raise the error, with the line of the program, for the first of the arguments that is not of the kind."""
    for name, value in given.items():
        if not kind.has(value):
            message = f"'{name}' must be {kind.words}, not a value of type {type(value).__name__}"
            raise error(message, location=locations.here(), step=step)
        if isinstance(value, str | os.PathLike) and not can_be_written(os.fspath(value)):
            message = f"'{name}' holds what is no character"
            raise error(message, fix="write it in Unicode", location=locations.here(), step=step)


def refuse_unknown(
    made: type[UserObject], more: Mapping[str, UserObject], known: Iterable[str] = (), *, step: str = ""
) -> None:
    """Raise, with the line of the program, for the first keyword that is neither known nor an argument of the class."""
    names = tuple(known)
    unknown = next((name for name in more if name not in names), None)
    if unknown is None:
        return
    from inspect import signature  # lazy: only mistakes need it

    own = [name for name, parameter in signature(made).parameters.items() if parameter.kind != parameter.VAR_KEYWORD]
    fix = nearest_or_all(unknown, dict.fromkeys([*names, *own]))
    raise InvalidDefinition(f"unknown field '{unknown}'", fix=fix, location=locations.here(), step=step)


def path_as_text(value: UserObject) -> UserObject:
    """A path as a file holds it; other values stay, and the model of the field reports them."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def can_be_written(text: UserObject) -> bool:
    """Whether it is text that a file can hold; half of a surrogate pair is no character."""
    if not isinstance(text, str):
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
