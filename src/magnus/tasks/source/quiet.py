"""Finds the imports of a module that only imports and defines, in its text without parsing. Used by `tasks.source.modules`."""

import re
from collections.abc import Sequence
from typing import Final

_ODD: Final = re.compile(rb"[\r\f;\\]|coding[:=]")
_DOCSTRING: Final = re.compile(rb'(?:[ \t]*(?:#[^\n]*)?\n)*"""[^"]*"""[ \t]*(?=\n|$)')
_BEGINNING: Final = re.compile(rb"^[^\s#][^\n]*", re.MULTILINE)
_DEFINING: Final = re.compile(
    rb"(?:async )?def \w+\([^()=]*(?:=[^()]*)?\)[^()]*:|[A-Za-z]\w*(?: ?: ?[\w.\[\], |]+)? ?=(?!=)[^(\[{]*$|[\])}]"
)
_IMPORT: Final = re.compile(rb"import ([\w.]+)(?: as \w+)?[ \t]*(?:#|$)")
_FROM: Final = re.compile(rb"from ([\w.]+) import (\w+(?: as \w+)?(?:, ?\w+(?: as \w+)?)*)[ \t]*(?:#|$)")
_METHOD: Final = re.compile(rb"^[ \t]+@", re.MULTILINE)


def loaded_by_quiet(data: bytes) -> Sequence[str] | None:
    """The value of `Source.loaded` for a module that only imports and defines; None if the module has to be parsed."""
    if _ODD.search(data) or _METHOD.search(data):
        return None
    loaded: list[str] = []
    docstring = _DOCSTRING.match(data)
    for line in _BEGINNING.findall(data, docstring.end() if docstring else 0):
        if (plain := _IMPORT.match(line)) is not None:
            loaded.append(plain[1].decode())
        elif (imported := _FROM.match(line)) is not None:
            module = imported[1].decode()
            dot = "" if module.endswith(".") else "."
            names = [name.split()[0] for name in imported[2].decode().split(",")]
            loaded += (module, *(f"{module}{dot}{name}" for name in names))
        elif _DEFINING.match(line) is None:
            return None
    return loaded
