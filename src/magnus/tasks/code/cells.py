"""The code of a notebook: its code cells, and the pieces of the project that these use."""

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Final

from magnus.tasks.code.digest import digest, is_text, short_hash
from magnus.tasks.code.reach import Locality
from magnus.tasks.code.scripts import scripts_of

_PYTHON_CELLS: Final = re.compile(r"\A\s*%%(?:time|timeit|capture|prun)\b[^\n]*\n?")
_OTHER_CELLS: Final = re.compile(r"\A\s*%%")
_MAGIC: Final = re.compile(r"^([ \t]*)(?:(\w+)[ \t]*=[ \t]*)?([%!][^\n]*|\?[^\n]*|[\w.]+\?{1,2}[ \t]*)$", re.MULTILINE)
_RUN: Final = re.compile(r"^%run[ \t]+|^!")
_RUN_NAME: Final = re.compile(r"^%run[ \t]+(?:-\S+[ \t]+)*([^\s'\"]+)")
_TIMED: Final = re.compile(r"^%(?:time|timeit|prun)[ \t]+(?:-\S+[ \t]+)*")
_FILLED_IN: Final = re.compile(r"\{([^{}\n]+)\}")


def pieces_of_cells(notebook: str, cells: Sequence[str], reach: Locality) -> Mapping[str, str]:
    """Of each cell that does anything a short hash, by its number among these, and what the cells use of the project."""
    found: dict[str, str] = {}
    texts: list[str] = []
    number = 0
    for cell in cells:
        text, commands = _python(cell)
        for command in commands:
            found.update(scripts_of(_as_shell(command), reach))
        said = _digest(text)
        if said or commands:
            number += 1
            texts += (text, *(part for command in commands for part in _python_in(command)))
            found[f"{notebook}:cell {number}"] = short_hash("\n".join((said, *commands)).encode("utf-8", "replace"))
    used = "\n".join(text for text in texts if _parsed(text) is not None)
    return {**found, **reach.of_text(used, notebook.rpartition("/")[0])}


def _as_shell(command: str) -> str:
    """A line for IPython as a shell would run it: `%run work` runs `work.py`."""
    if (run := _RUN_NAME.match(command)) is not None:
        return f"python {run[1]} {run[1]}.py"
    return _RUN.sub("", command)


def _python_in(command: str) -> Sequence[str]:
    """The python in a line for IPython: what it measures, and what it fills in."""
    if (timed := _TIMED.match(command)) is not None:
        return (command[timed.end() :],)
    return _FILLED_IN.findall(command)


def _python(cell: str) -> tuple[str, list[str]]:
    """The python of a cell, and its lines for IPython or the shell."""
    cell = _PYTHON_CELLS.sub("", cell)
    if _OTHER_CELLS.match(cell):
        return "", [cell]
    commands = [line for _, _, line in _MAGIC.findall(cell) if not line.endswith("?") and not line.startswith("?")]
    return _MAGIC.sub(lambda line: f"{line[1]}{line[2]} = None" if line[2] else f"{line[1]}pass", cell), commands


def _digest(text: str) -> str:
    module = _parsed(text)
    if module is None:
        return short_hash(text.encode("utf-8", "replace"))
    statements = [node for node in module.body if not is_text(node) and not isinstance(node, ast.Pass)]
    return digest(statements) if statements else ""


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
