"""Fields as users write them, to the frozen model of them. Used by the node types and for the options of services.

A model is a `msgspec.Struct`; one of a plugin may be a pydantic model. A field may have a type with a class method
`read`, which takes what is written and raises ValueError that says what must stand there.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from msgspec import Struct, ValidationError, convert

from magnus.errors import Location, Problem
from magnus.values import Json

Model = TypeVar("Model")
Locate = Callable[..., Location | None]


class Complaint(Struct, frozen=True):
    """What is wrong with one field; `path` leads to it through mappings and lists, `fix` says what to write."""

    path: tuple[str | int, ...]
    message: str
    fix: str = ""


class WrongFields(Exception):
    """Fields do not fit their model; all that is wrong with them."""

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        super().__init__("; ".join(complaint.message for complaint in complaints))
        self.complaints = tuple(complaints)

    def problems(self, locate: Locate, *, what: str = "", step: str = "") -> list[Problem]:
        """A problem each. `what` stands before the messages when it is not ""; `locate` gives the place of a path."""
        before = f"{what}: " if what else ""
        return [
            Problem(before + complaint.message, complaint.fix, locate(*complaint.path), step)
            for complaint in self.complaints
        ]


def read(model: type[Model], written: Mapping[str, Json], *, more_fields: Iterable[str] = ()) -> Model:
    """The model of what is written; text stands for a number or a truth value where one is wanted.

    `more_fields` are fields that may be written beside those of the model; they are named where one is misspelt.

    Raises:
        WrongFields: with everything that is wrong.
    """
    if not issubclass(model, Struct):
        from magnus.definition.pydantic_fields import read_pydantic  # lazy: models of plugins alone are of that kind

        made: Model = read_pydantic(model, written, more_fields)
        return made
    try:
        return convert(written, model, strict=False, dec_hook=read_special)
    except ValidationError:
        from magnus.definition.complaints import complaints  # lazy: most files are right

        raise WrongFields(complaints(model, written, tuple(more_fields))) from None


def read_special(kind: type[Any], written: Json) -> Any:
    """A value of a type that reads what is written itself."""
    return written if isinstance(written, kind) else kind.read(written)
