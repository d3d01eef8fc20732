"""Checks the arguments of SDK objects that no model of a file checks, and finds the line of the program that calls them."""

import os
import sys
from collections.abc import Iterable, Mapping
from types import FrameType
from typing import Final, TypeVar

from msgspec import Struct

from magnus.definition.built_pipeline import METHOD
from magnus.engine.user_code.notebook_cells import is_cell
from magnus.errors import InvalidDefinition, InvalidInput, Location
from magnus.suggest import nearest_or_all
from magnus.values import UserObject

_NOTEBOOK: Final = "notebook"
_SAID_BY: Final = ("__vsc_ipynb_file__", "__session__")
"""Variables in which front ends put the name of the notebook."""


def here() -> Location:
    """The innermost line of the program that is not in this package; a file in the working directory by its name there.

    A cell of a notebook by the name of the notebook, as far as the front end says it.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect would read the source
    while frame is not None and frame.f_globals.get("__name__", "").startswith("magnus.sdk"):
        frame = frame.f_back
    if frame is None:
        return Location("")
    file = frame.f_code.co_filename
    if is_cell(file):
        return Location(_notebook(frame.f_globals), frame.f_lineno)
    relative = os.path.relpath(file) if os.path.isabs(file) and os.path.exists(file) else file  # noqa: PTH110, PTH117 - a path as text
    return Location(file if relative.startswith("..") else relative, frame.f_lineno)


def _notebook(variables: Mapping[str, UserObject]) -> str:
    """The name of the notebook that a cell is in, "notebook" if no front end gives it."""
    names = [variables.get(name) for name in _SAID_BY]
    names.append(os.environ.get("JPY_SESSION_NAME"))
    name = next((text for text in names if isinstance(text, str) and text.endswith(".ipynb")), "")
    return os.path.basename(name) or _NOTEBOOK  # noqa: PTH119 - a path as text


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
            raise error(message, location=here(), step=step)
        if isinstance(value, str | os.PathLike) and not can_be_written(os.fspath(value)):
            message = f"'{name}' holds what is no character"
            raise error(message, fix="write it in Unicode", location=here(), step=step)


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
    raise InvalidDefinition(f"unknown field '{unknown}'", fix=fix, location=here(), step=step)


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
