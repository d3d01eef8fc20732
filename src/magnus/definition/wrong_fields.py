"""Has the mistakes in fields that a user wrote, as values. Used by everything that reads fields."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from magnus.errors import Location, Problem
from magnus.suggest import near
from magnus.values import Json

_ALTERNATIVES = ", | or "
Locate = Callable[..., Location | None]
"""Finds the place of a key path in some file."""


class Complaint(Struct, frozen=True):
    """A mistake in one field; `path` leads to it through mappings and lists, `fix` is the advice."""

    path: tuple[str | int, ...]
    message: str
    fix: str = ""


class WrongFields(Exception):
    """Fields do not fit their model; it carries all mistakes."""

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
    """A value of a type that has its own `read`."""
    return written if isinstance(written, kind) else kind.read(written)


def shown(value: object) -> str:
    """The value as messages show it, shortened."""
    text = "nothing" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def what_to_write(must: str, value: Json) -> str:
    """The fix for a value that "must be ..." and is not."""
    what = must.removeprefix("must be ").partition(", not ")[0]
    if what == must:
        return "correct the value"
    if value is None:
        return f"write {what} after the colon, or remove the line"
    if what.startswith("text") and not isinstance(value, dict | list):
        if isinstance(value, bool):
            return "put it in quotes, and the name wherever it stands: YAML reads on, yes and true alike"
        return f'put it in quotes: "{value}"'
    if what.startswith("a list"):
        example = value if isinstance(value, str | int) and len(str(value)) < 40 else "a, b"
        return f"write it as [{example}], or as lines that start with '- '"
    if what == "a mapping":
        return "write 'name: value' lines below it"
    if what.startswith("'"):
        match = near(str(value), [word.strip("'") for word in re.split(_ALTERNATIVES, what)])
        return f"did you mean '{match}'?" if match else "write one of them"
    return f"write {what}"
