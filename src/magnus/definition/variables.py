"""Replaces `${name}` in a text by the value of the environment variable `MAGNUS_VAR_name`."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field

from magnus.definition.yaml_text import Document, KeyPath
from magnus.errors import Problem
from magnus.values import Json

PREFIX: Final = "MAGNUS_VAR_"
_BRACED: Final = r"\$(\$?)\{([A-Za-z_]\w*)\}"
_BRACED_OR_BARE: Final = r"\$(\$?)(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))"


class Replaced(Struct, frozen=True):
    """A value with its variables replaced, their names, and a problem for each variable that is not set."""

    value: Json
    names: frozenset[str]
    unset: tuple[tuple[KeyPath, Problem], ...] = ()


def replace_variables(document: Document, environment: Mapping[str, str], *, bare: bool = False) -> Replaced:
    """Replace the variables in every string of the document, with `bare` also `$name`. Variables that are not set stay.

    `$${name}` stands for the text `${name}`.
    """
    work = _Replacing(document, environment, bare)
    value = work.value(document.value, ())
    return Replaced(value, frozenset(work.names), tuple(work.unset))


class _Replacing(Struct):
    document: Document
    environment: Mapping[str, str]
    bare: bool
    names: set[str] = field(default_factory=set)
    unset: list[tuple[KeyPath, Problem]] = field(default_factory=list)

    def value(self, value: Json, path: KeyPath) -> Json:
        match value:
            case str():
                return self._text(value, path) if "$" in value else value
            case list():
                return [self.value(item, (*path, index)) for index, item in enumerate(value)]
            case dict():
                return {key: self.value(item, (*path, key)) for key, item in value.items()}
            case _:
                return value

    def _text(self, text: str, path: KeyPath) -> str:
        def value_of(match: re.Match[str]) -> str:
            name = match[2] or match[match.re.groups]
            if match[1]:
                return match[0][1:]
            self.names.add(name)
            value = self.environment.get(PREFIX + name)
            if value is None:
                self._unset(name, path)
                return match[0]
            return value

        return re.sub(_BRACED_OR_BARE, value_of, text) if self.bare else re.sub(_BRACED, value_of, text)

    def _unset(self, name: str, path: KeyPath) -> None:
        fix = f"set {PREFIX}{name} in the environment, or write $${{{name}}} for the text itself"
        step = str(path[2]) if path[:2] == ("dag", "steps") and len(path) > 2 else ""
        problem = Problem(f"the variable '{name}' is not set", fix, self.document.locate_value(*path), step)
        if (path, problem) not in self.unset:
            self.unset.append((path, problem))
