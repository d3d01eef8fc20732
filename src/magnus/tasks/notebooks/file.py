"""Reads notebooks as files, finds mistakes in them, and writes executed notebooks. Used by `tasks.notebook`.

It reads them as JSON: what knows the format is slow to load, and is needed in the process of the runner alone.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from magnus.errors import Problem, TaskFailed
from magnus.interfaces.task_kind import TaskCall
from magnus.suggest import near
from magnus.system import atomic_files
from magnus.values import Json

SUFFIX: Final = ".ipynb"
_OLDEST_FORMAT: Final = 3
_NEWEST_FORMAT: Final = 4


def problems(command: str, working_directory: Path) -> Iterator[Problem]:
    """The mistakes in the notebook that a command names; no cell runs."""
    if not command.strip():
        yield Problem("the command is empty", f"name a notebook: path/to/it{SUFFIX}")
        return
    file = working_directory / command
    if not file.is_file():
        yield Problem(f"there is no notebook '{command}' in '{working_directory}'", _similar(file, command))
        return
    try:
        notebook = json.loads(file.read_bytes())
    except OSError as error:
        yield Problem(f"the notebook '{command}' cannot be read: {error.strerror}", "make the file readable")
    except (ValueError, RecursionError) as error:
        yield Problem(f"'{command}' is no notebook: it is not JSON: {error}", "open it in Jupyter and save it again")
    else:
        yield from _problems_of(notebook, command)


def code_cells(file: Path) -> list[str]:
    """The text of the code cells, in order; none when the file cannot be read."""
    try:
        cells = json.loads(file.read_bytes())["cells"]
        sources = [cell["source"] for cell in cells if cell["cell_type"] == "code" and not _is_injected(cell)]
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ):  # another check reports it
        return []
    return [text if isinstance(text, str) else "".join(map(str, text)) for text in sources]


def layout(file: Path) -> str | None:
    """What a run does with the cells beside running them, by tags and kernel; None when the file cannot be read."""
    try:
        notebook = json.loads(file.read_bytes())
        kernel = ((notebook.get("metadata") or {}).get("kernelspec") or {}).get("name", "")
        cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and not _is_injected(cell)]
        tags = [sorted((cell.get("metadata") or {}).get("tags") or ()) for cell in cells]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return json.dumps([kernel, tags])


def _is_injected(cell: Json) -> bool:
    """Whether it holds the parameters of an earlier run."""
    return "injected-parameters" in ((cell.get("metadata") or {}).get("tags") or ())


def _similar(file: Path, command: str) -> str:
    there = sorted(other.name for other in file.parent.glob(f"*{SUFFIX}")) if file.parent.is_dir() else []
    match = near(file.name, there)
    return f"did you mean '{Path(command).with_name(match)}'?" if match else "see that the path is right"


def _problems_of(notebook: Json, command: str) -> Iterator[Problem]:
    version = notebook.get("nbformat") if isinstance(notebook, dict) else None
    if not isinstance(version, int) or not isinstance(notebook.get("cells", notebook.get("worksheets")), list):
        fix = "name the file of a notebook, as Jupyter saves it"
        yield Problem(f"'{command}' is no notebook: it has no 'nbformat' or no 'cells'", fix)
        return
    if not _OLDEST_FORMAT <= version <= _NEWEST_FORMAT:
        message = f"'{command}' is in version {version} of the notebook format, which is not known here"
        yield Problem(message, f"save it in version {_NEWEST_FORMAT}")
    language = _language(notebook)
    if language and not language.lower().startswith(("python", "ipython")):
        message = f"'{command}' is a notebook for {language}; notebooks of python can be run"
        yield Problem(message, "run it in a shell step, with the program that knows the language")


def _language(notebook: Json) -> str:
    """The language of the kernel as the notebook says it; "" when it does not."""
    metadata = notebook.get("metadata")
    languages = [
        (metadata.get(part) or {}).get(key)
        for part, key in (("kernelspec", "language"), ("language_info", "name"))
        if isinstance(metadata, dict) and isinstance(metadata.get(part), dict)
    ]
    return next((language for language in languages if isinstance(language, str)), "")


def output_path(command: str, option: str) -> str:
    """Where the executed notebook goes: as written, else beside the notebook."""
    return option or f"{command.removesuffix(SUFFIX)}_out{SUFFIX}"


def output_problems(command: str, option: str, working_directory: Path) -> Iterator[Problem]:
    """The mistakes in the output path."""
    output = output_path(command, option)
    source, target = working_directory / command, working_directory / output
    if os.path.realpath(source) == os.path.realpath(target):
        yield Problem(f"notebook_output_path '{output}' is the notebook itself", "name another file")
    elif target.is_dir():
        yield Problem(f"notebook_output_path '{output}' is a folder", "name a file in it")
    elif _inside(target, working_directory) is None:
        message = f"notebook_output_path '{output}' is outside the working directory; the catalog will not have it"
        yield Problem(message, "name a file in the working directory", severity="warning")


def keep(executed: Path, output: str, call: TaskCall, *, kept: Path) -> None:
    """Write the executed notebook, without secrets, whole or not at all, to its path and to the folder `kept`.

    Without an executed notebook this does nothing. TaskFailed if the notebook cannot be written.
    """
    if not executed.exists():
        return
    target = call.working_directory / output
    try:
        data = executed.read_text(encoding="utf-8")
        masked = _mask_notebook(data, call.mask).encode()
        if (name := _inside(target, call.working_directory)) is not None:
            (kept / name).parent.mkdir(parents=True, exist_ok=True)
            (kept / name).write_bytes(masked)
        _write_atomically(target, masked)
    except OSError as error:
        message = f"the executed notebook could not be written to '{output}': {error.strerror}"
        raise TaskFailed(message, fix="see that the folder can be written to") from error


def _mask_notebook(notebook: str, mask: Callable[[str], str]) -> str:
    """The notebook with each of its texts masked, and then as a whole: JSON escapes what python escaped before."""

    def mask_all(value: Json) -> Json:
        match value:
            case str():
                return mask(value)
            case list():
                return [mask_all(item) for item in value]
            case dict():
                return {mask(key): mask_all(item) for key, item in value.items()}
            case _:
                return value

    with suppress(ValueError):  # cut off
        document = json.loads(notebook)
        for cell in document.get("cells", ()):
            if "outputs" in cell:
                cell["outputs"] = _join_streams(cell["outputs"])
        masked = mask_all(document)
        for cell in masked.get("cells", ()):
            for output in cell.get("outputs", ()):
                if output.get("output_type") == "stream":
                    output["text"] = output["text"].splitlines(keepends=True)  # as files of notebooks have it
        notebook = json.dumps(masked, ensure_ascii=False, indent=1) + "\n"
    return mask(notebook)


def _join_streams(outputs: list[Json]) -> list[Json]:
    """The outputs of a cell with what was printed in pieces, one after the other, as one text each."""
    joined: list[Json] = []
    for output in outputs:
        if output.get("output_type") != "stream":
            joined.append(output)
            continue
        text = "".join(output["text"])  # a text, or a list of its lines
        last = joined[-1] if joined else {}
        if last.get("output_type") == "stream" and last.get("name") == output.get("name"):
            last["text"] += text
        else:
            joined.append({**output, "text": text})
    return joined


def _inside(target: Path, working_directory: Path) -> str | None:
    """The name of the file relative to the working directory; None when it is not in there."""
    relative = os.path.relpath(os.path.realpath(target), os.path.realpath(working_directory))
    return None if relative == ".." or relative.startswith("../") else relative


def _write_atomically(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    atomic_files.replace(target, [data], durable=False)
