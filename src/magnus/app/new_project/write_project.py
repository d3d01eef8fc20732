"""Writes the files of a new project: all of them, or none."""

import json
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from shutil import rmtree
from typing import Final

from magnus import __version__
from magnus.app.text.plain_text import plain
from magnus.errors import InvalidInput
from magnus.system.atomic_files import create, new_name

_FILES: Final = {
    "README.md": "README.md",
    "pipeline.yaml": "pipeline.yaml",
    "steps.py": "steps.py",
    "parameters.yaml": "parameters.yaml",
    "magnus-config.yaml": "magnus-config.yaml",
    "tests/test_pipeline.py": "tests/test_pipeline.py",
    "pyproject.toml": "pyproject.toml",
    ".gitignore": "gitignore",
}
"""The files of a project, with their names in the folder `files` beside this module; git would obey a `.gitignore` there."""
_HIDES_STEPS: Final = "steps"
"""A package of this name would be imported in place of `steps.py`."""
_SEPARATORS: Final = re.compile(r"[^a-z0-9]+")
_MARKDOWN: Final = re.compile(r"[\\`*\[\]<>]")
_NO_NAME: Final = "project"


def write_project(folder: str) -> tuple[str, ...]:
    """Write the files of a project to the folder, which is made if it is missing; returns their names.

    Either all files are there afterwards, or the folder is as it was. InvalidInput if a file is there already, or if the
    folder cannot be written.
    """
    if not folder:
        raise InvalidInput("the name of the folder is empty", fix="write a name, or . for the working directory")
    with _clear_errors(folder):
        path = Path(folder).resolve()
        contents = _contents(path.name)
        if path.is_dir():
            _refuse_to_overwrite(path, folder)
            _add(path, contents)
        else:
            _make(path, contents)
    return tuple(contents)


@contextmanager
def _clear_errors(folder: str) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        name = os.path.basename(os.fsdecode(error.filename2 or error.filename))  # noqa: PTH119 - it may be bytes
        message = f"'{folder}' has a new file of another program, and files are not overwritten: '{name}'"
        raise InvalidInput(message, fix="choose another folder") from error
    except OSError as error:
        message = f"no project can be written to '{folder}': {error.strerror or error}"
        raise InvalidInput(message, fix="choose another folder") from error
    except RuntimeError as error:  # Python before 3.13 raises it for a link that leads to itself
        message = f"no project can be written to '{folder}': a link leads to itself"
        raise InvalidInput(message, fix="choose another folder") from error


def _contents(name: str) -> Mapping[str, str]:
    """The text of each file of a project in a folder of this name."""
    title = plain(name).strip() or _NO_NAME
    values = {
        "title": _MARKDOWN.sub(r"\\\g<0>", title),
        "distribution": _distribution_name(name),
        "magnus": json.dumps(_requirement())[1:-1],
    }
    templates = Path(__file__).parent / "files"
    contents = {}
    for file, template in _FILES.items():
        text = (templates / template).read_text(encoding="utf-8")
        for placeholder, value in values.items():
            text = text.replace(f"{{{{{placeholder}}}}}", value)
        contents[file] = text
    return contents


def _distribution_name(name: str) -> str:
    """The name of the project for pip and uv: none of an installed package, which the project could not depend on."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    text = _SEPARATORS.sub("-", ascii_name.lower()).strip("-") or _NO_NAME
    try:
        distribution(text)
    except PackageNotFoundError:
        return text
    return f"{text}-project"


def _requirement() -> str:
    """This magnus as pip and uv find it again: where it was installed from, or else its version in a package index."""
    try:
        text = distribution("magnus").read_text("direct_url.json")  # written by pip and uv, PEP 610
    except PackageNotFoundError:
        text = None
    if text is None:
        return f"magnus=={__version__}"
    origin = json.loads(text)
    vcs = origin.get("vcs_info")
    return f"magnus @ {vcs['vcs']}+{origin['url']}@{vcs['commit_id']}" if vcs else f"magnus @ {origin['url']}"


def _refuse_to_overwrite(path: Path, folder: str) -> None:
    """InvalidInput if the folder has a file of the project, or a file or package in the way of one."""
    existing = [name for name in (*_FILES, _HIDES_STEPS) if os.path.lexists(path / name)]
    existing += [name for name in _folders() if os.path.lexists(path / name) and not (path / name).is_dir()]
    if existing:
        names = ", ".join(f"'{name}'" for name in existing)
        message = f"files are not overwritten, and '{folder}' has {names} already"
        raise InvalidInput(message, fix="choose another folder, such as a new one: magnus init NAME")


def _folders() -> list[str]:
    return sorted({str(Path(name).parent) for name in _FILES} - {"."})


def _make(path: Path, contents: Mapping[str, str]) -> None:
    """Make the folder and those above it where they are missing, in one step: they are renamed when all files are written."""
    first = path
    while not os.path.lexists(first.parent):
        first = first.parent
    staging = Path(new_name(str(first.parent)))
    staging.mkdir()
    try:
        place = staging / path.relative_to(first)
        place.mkdir(parents=True, exist_ok=True)
        _add(place, contents)
        staging.rename(first)
    finally:
        rmtree(staging, ignore_errors=True)


def _add(path: Path, contents: Mapping[str, str]) -> None:
    """Write the files to the folder; nothing is left of them when that fails."""
    made: list[Path] = []
    try:
        for name, text in contents.items():
            file = path / name
            if not file.parent.is_dir():
                file.parent.mkdir()
                made.append(file.parent)
            create(file, text.encode(), durable=False)
            made.append(file)
    except BaseException:
        for file in reversed(made):
            with suppress(OSError):
                file.rmdir() if file.is_dir() else file.unlink()
        raise
