"""The cells of a notebook before and after it is run. Used by `tasks.notebooks.session`."""

import keyword
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import nbformat

from magnus.values import Json

Notebook: TypeAlias = Any
"""A notebook as nbformat has it."""
Cell: TypeAlias = Any

PARAMETERS: Final = "parameters"
INJECTED: Final = "injected-parameters"
_WORD: Final = re.compile(r"\w+")
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")


def prepare(
    file: str, parameters: Mapping[str, Json], without: Sequence[str], loaders: Mapping[str, str]
) -> tuple[Notebook, list[int]]:
    """The notebook with its parameters, without output, and the number that each of its cells has in the file.

    The cell with the parameters follows the first one tagged `parameters`, is the first cell if there is none, and
    has the number 0. Cells with a tag in `without` are left out, as is one with parameters from an earlier run. Of the
    parameters in `loaders` parameters that a cell mentions are loaded by the function of magnus in the same place.
    """
    notebook = nbformat.read(file, as_version=4)
    numbered = [
        (number, cell) for number, cell in enumerate(notebook.cells, start=1) if not _tags(cell) & {*without, INJECTED}
    ]
    for _, cell in numbered:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    tagged = [place for place, (_, cell) in enumerate(numbered, start=1) if PARAMETERS in _tags(cell)]
    code = "\n".join(cell.source for _, cell in numbered if cell.cell_type == "code")
    if source := _assignments(parameters, _mentioned(loaders, code)):
        numbered.insert(tagged[0] if tagged else 0, (0, _injected(source, notebook)))
    notebook.cells = [cell for _, cell in numbered]
    return notebook, [number for number, _ in numbered]


def add_error(cell: Cell, kind: str, message: str) -> None:
    """Put an error that the kernel did not report itself into the output of the cell."""
    if cell.cell_type == "code":
        traceback = [f"{kind}: {message}"]
        cell.outputs.append(nbformat.v4.new_output("error", ename=kind, evalue=message, traceback=traceback))


def printed_text(cell: Cell, tag: str) -> str | None:
    """The output of a cell with the tag, or else the value of its last line; None for other cells."""
    if cell.cell_type != "code" or tag not in _tags(cell):
        return None
    streams = [part.text for part in cell.outputs if part.output_type == "stream" and part.name == "stdout"]
    values = [part.data.get("text/plain", "") for part in cell.outputs if part.output_type == "execute_result"]
    text = "".join(streams)
    return text if text.strip() else "".join(values)


def message_text(kind: str, content: Mapping[str, Json]) -> tuple[str, bool]:
    """A message of the kernel as text, and whether it belongs to standard error; "" for what is not shown."""
    match kind:
        case "stream":
            return content["text"], content["name"] == "stderr"
        case "execute_result" | "display_data":
            text = content["data"].get("text/plain", "")
            return f"{text}\n" if text else "", False
        case "error":
            return without_colour("\n".join(content["traceback"])) + "\n", True
        case _:
            return "", False


def without_colour(text: str) -> str:
    """The text without the sequences that colour it on a terminal."""
    return _COLOUR.sub("", text)


def _tags(cell: Cell) -> set[str]:
    return set(cell.metadata.get("tags", []))


def _injected(source: str, notebook: Notebook) -> Cell:
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": [INJECTED]})
    if (notebook.nbformat, notebook.nbformat_minor) < (4, 5):
        del cell["id"]
    return cell


def _mentioned(loaders: Mapping[str, str], code: str) -> Mapping[str, str]:
    """Those whose names are words of the code, comments and texts in it included."""
    words = set(_WORD.findall(code)) if loaders else set()
    return {name: loader for name, loader in loaders.items() if name in words}


def _assignments(parameters: Mapping[str, Json], loaders: Mapping[str, str]) -> str:
    """Python source that assigns the parameters whose names can be variables."""
    values = {name: _literal(value) for name, value in parameters.items()}
    values.update({name: f'__import__("magnus").{loader}({name!r})' for name, loader in loaders.items()})
    lines = [
        f"{name} = {value}" for name, value in values.items() if name.isidentifier() and not keyword.iskeyword(name)
    ]
    return "\n".join(["# Parameters", *lines]) if lines else ""


def _literal(value: Json) -> str:
    match value:
        case float() if not math.isfinite(value):
            return f'float("{value}")'
        case dict():
            return "{" + ", ".join(f"{key!r}: {_literal(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_literal, value)) + "]"
        case _:
            return repr(value)
