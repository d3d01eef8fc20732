"""What is wrong with fields that a user wrote, as values. Used by everything that reads fields."""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from magnus.errors import Location, Problem
from magnus.values import Json

Locate = Callable[..., Location | None]
"""Finds the place of a key path in some file."""


class Complaint(Struct, frozen=True):
    """What is wrong with one field; `path` leads to it through mappings and lists, `fix` says what to write."""

    path: tuple[str | int, ...]
    message: str
    fix: str = ""


class WrongFields(Exception):
    """Fields do not fit their model; all that is wrong with them."""

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("; ".join(complaint.message for complaint in self.complaints))

    def problems(self, locate: Locate, *, what: str = "", step: str = "") -> list[Problem]:
        """A problem each. `what` stands before the messages when it is not ""; `locate` gives the place of a path."""
        before = f"{what}: " if what else ""
        return [
            Problem(before + complaint.message, complaint.fix, locate(*complaint.path), step)
            for complaint in self.complaints
        ]


def read_special(kind: type[Any], written: Json) -> Any:
    """A value of a type that reads what is written itself."""
    return written if isinstance(written, kind) else kind.read(written)
