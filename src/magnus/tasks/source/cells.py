"""Finds the code of notebooks: their code cells, and all that these use, also by lines for IPython and the shell."""

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Final

from magnus.tasks.source.dependencies import CodeDependencies
from magnus.tasks.source.pieces import digest, is_text, short_hash
from magnus.tasks.source.scripts import scripts_of

_PYTHON_CELLS: Final = re.compile(r"\A\s*%%(?:time|timeit|capture|prun)\b[^\n]*\n?")
_OTHER_CELLS: Final = re.compile(r"\A\s*%%")
_MAGIC: Final = re.compile(r"^([ \t]*)(?:(\w+)[ \t]*=[ \t]*)?([%!][^\n]*|\?[^\n]*|[\w.]+\?{1,2}[ \t]*)$", re.MULTILINE)
_RUN: Final = re.compile(r"^%run[ \t]+|^!")
_RUN_NAME: Final = re.compile(r"^%run[ \t]+(?:-\S+[ \t]+)*([^\s'\"]+)")
_TIMED: Final = re.compile(r"^%(?:time|timeit|prun|memit|mprun|lprun)[ \t]+")
_EXTENSION: Final = re.compile(r"^%(?:re)?load_ext[ \t]+([\w.]+)")
_MOVED: Final = re.compile(r"^%?(?:cd|pushd|popd)\b")
_MOVING: Final = re.compile(r"\bchdir\b")
_FILLED_IN: Final = re.compile(r"\{([^{}\n]+)\}")


def pieces_of_cells(notebook: str, cells: Sequence[str], dependencies: CodeDependencies) -> Mapping[str, str]:
    """Of each cell that does anything a short hash, by its number among these, and what the cells use of the project."""
    pieces: dict[str, str] = {}
    texts: list[str] = []
    number = 0
    for cell in cells:
        text, commands = _python(cell)
        for command in commands:
            pieces.update(scripts_of(_as_shell(command), dependencies))
            if _MOVED.match(command):
                dependencies.note_moved_imports()
        if _MOVING.search(text):  # a kernel finds modules in its working directory
            dependencies.note_moved_imports()
        digest = _digest(text)
        if digest or commands:
            number += 1
            texts += (text, *(part for command in commands for part in _python_in(command)))
            pieces[f"{notebook}:cell {number}"] = short_hash("\n".join((digest, *commands)).encode("utf-8", "replace"))
    used = "\n".join(text for text in texts if _parse(text) is not None)
    return {**pieces, **dependencies.of_text(used, notebook.rpartition("/")[0])}


def _as_shell(command: str) -> str:
    """A line for IPython as a shell would run it: `%run work` runs `work.py`."""
    if (run := _RUN_NAME.match(command)) is not None:
        return f"python {run[1]} {run[1]}.py"
    return _RUN.sub("", command)


def _python_in(command: str) -> Sequence[str]:
    """The python in a line for IPython: what it measures, and what it fills in."""
    if (timed := _TIMED.match(command)) is not None:
        words = command[timed.end() :].split(" ")
        rests = (" ".join(words[number:]) for number in range(len(words)))  # options, which have values, are in front
        return [next((rest for rest in rests if rest and _parse(rest) is not None), "")]
    if (extension := _EXTENSION.match(command)) is not None:
        return [f"__import__('{extension[1]}')"]
    return _FILLED_IN.findall(command)


def _python(cell: str) -> tuple[str, list[str]]:
    """The python of a cell, and its lines for IPython or the shell."""
    cell = _PYTHON_CELLS.sub("", cell)
    if _OTHER_CELLS.match(cell):
        return "", [cell]
    commands = [line for _, _, line in _MAGIC.findall(cell) if not line.endswith("?") and not line.startswith("?")]
    return _MAGIC.sub(lambda line: f"{line[1]}{line[2]} = None" if line[2] else f"{line[1]}pass", cell), commands


def _digest(text: str) -> str:
    module = _parse(text)
    if module is None:
        return short_hash(text.encode("utf-8", "replace"))
    statements = [node for node in module.body if not is_text(node) and not isinstance(node, ast.Pass)]
    return digest(statements) if statements else ""


def _parse(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
