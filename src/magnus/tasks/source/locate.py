"""Finds the function that a command names, `module.function` or `path/to/script.py:function`, without importing anything."""

import os
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.machinery import SOURCE_SUFFIXES, BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from pathlib import Path
from typing import Final

from msgspec import Struct

from magnus.engine.user_code.imports import is_always_pythons, never_imported
from magnus.errors import Problem
from magnus.tasks.source.definitions import Definition, Found, look_up

_DOTTED: Final = re.compile(r"[\w-]+(?:\.[\w-]+)*")
_MOST_NAMES: Final = 10
_OF_DISTRIBUTIONS: Final = ("pyproject.toml", "setup.py", "setup.cfg")


class _Module(Struct, frozen=True):
    """A module that was found: its source file where it has one, and the folders of its modules if it is a package."""

    name: str
    file: Path | None
    folders: Sequence[str]
    is_namespace: bool

    def command(self, names: Sequence[str]) -> str:
        """The command that names something in it."""
        is_script = self.name.endswith(tuple(SOURCE_SUFFIXES))
        return f"{self.name}:{'.'.join(names)}" if is_script else ".".join((self.name, *names))


def missing_function(command: str, working_directory: Path) -> Problem | None:
    """The mistake in `command` as the dotted path of a function; None if there is none, or the source does not tell.

    Modules are looked for in `working_directory` and then on the import path.
    """
    if not command.strip():
        return Problem("the command is empty", "write <module>.<function>")
    in_script = split_script_command(command, working_directory)
    if in_script is not None:
        return _missing_in_script(*in_script, working_directory)
    if not _DOTTED.fullmatch(command):
        return Problem(f"'{command}' is not the dotted path of a function", _respelling(command))
    parts = command.split(".")
    if len(parts) == 1:
        return Problem(f"'{command}' names no module", "write <module>.<function>")
    if is_always_pythons(parts[0]) and (working_directory / f"{parts[0]}.py").is_file():
        return never_imported(parts[0])
    module = _longest(tuple(parts[:-1]), (str(working_directory), *sys.path))
    if module is None:
        return _no_module(parts[0], working_directory)
    return _missing_in(module, parts[module.name.count(".") + 1 :], working_directory)


def source_of(command: str, working_directory: Path) -> Path | None:
    """The source file of the module in which a function is; None when it is not known."""
    place = place_of(command, working_directory)
    return None if place is None else place[0]


def place_of(command: str, working_directory: Path) -> tuple[Path, str, list[str]] | None:
    """The source file of a function, the dotted name of its module ("" for a script), and its names in there."""
    in_script = split_script_command(command, working_directory)
    if in_script is not None:
        return in_script[0], "", in_script[1]
    if not _DOTTED.fullmatch(command) or "." not in command:
        return None
    parts = command.split(".")
    module = _longest(tuple(parts[:-1]), (str(working_directory), *sys.path))
    if module is None or module.file is None:
        return None
    return module.file, module.name, parts[module.name.count(".") + 1 :]


def _missing_in(module: _Module, names: Sequence[str], working_directory: Path) -> Problem | None:
    """The mistake in `names`, a name and attributes of it, in `module`."""
    try:
        definition = _definition(module, names)
    except (SyntaxError, ValueError) as error:
        reason = f"{error.msg}, line {error.lineno}" if isinstance(error, SyntaxError) else str(error)
        return Problem(f"'{_display_path(module.file, working_directory)}' is not python: {reason}", "correct the file")
    match definition.found:
        case Found.CALLABLE | Found.UNKNOWN:
            return None
        case Found.CONSTANT:
            place = f"line {definition.line} of '{_display_path(module.file, working_directory)}'"
            command = module.command(names)
            return Problem(f"'{command}' is not callable: {place} makes it a constant", "name a function")
        case Found.MISSING:
            return _no_name(module, names, definition.others)


def _missing_in_script(file: Path, names: Sequence[str], working_directory: Path) -> Problem | None:
    """The mistake in `names` in the script."""
    if not file.is_file():
        return Problem(f"there is no file '{_display_path(file, working_directory)}'", "check the path of the script")
    return _missing_in(
        _Module(_display_path(file, working_directory), file, (), is_namespace=False), names, working_directory
    )


def _definition(module: _Module, names: Sequence[str]) -> Definition:
    if module.file is None:
        return Definition(Found.MISSING if module.is_namespace else Found.UNKNOWN)
    try:
        return look_up(module.file, names)
    except OSError:
        return Definition(Found.UNKNOWN)


def _longest(parts: tuple[str, ...], path: tuple[str, ...]) -> _Module | None:
    """The innermost of the modules that `parts` name one inside the other, as far as there are any."""
    try:
        return _all_of(parts, path)
    except _Incomplete as incomplete:
        return incomplete.module


class _Incomplete(Exception):
    """Not all parts were found; an exception, since what is missing now may be there later and must not be cached."""

    def __init__(self, module: _Module | None) -> None:
        super().__init__()
        self.module = module


@lru_cache(maxsize=256)
def _all_of(parts: tuple[str, ...], path: tuple[str, ...]) -> _Module:
    """The module that `parts` name, or the one in which the rest of them are attributes."""
    module, folders = None, list(path)
    for count in range(1, len(parts) + 1):
        spec = _spec(".".join(parts[:count]), folders)
        if spec is None:
            raise _Incomplete(module)
        folders = list(spec.submodule_search_locations or ())
        module = _Module(".".join(parts[:count]), _source_file(spec), folders, _is_namespace(spec))
        if not folders:
            break
    assert module is not None  # there is at least one part
    return module


def _spec(name: str, folders: Sequence[str]) -> ModuleSpec | None:
    """The module `name`, looked for as python would, but for `folders` in place of the import path."""
    last = name.rpartition(".")[2]
    own = () if last != name else (BuiltinImporter, FrozenImporter)
    for finder in own:
        if (spec := finder.find_spec(name)) is not None:
            return spec
    # the last part alone, since for a full name python would want the modules around it to be imported
    spec = PathFinder.find_spec(last, folders)
    if spec is None:
        PathFinder.invalidate_caches()  # a file that is only just there may be missing from them
        spec = PathFinder.find_spec(last, folders)
    return spec or found_by_others(name, folders)


def found_by_others(name: str, folders: Sequence[str]) -> ModuleSpec | None:
    """The module in other finders, such as the finders of editable packages."""
    path = folders if "." in name else None
    for finder in sys.meta_path:
        if finder in (BuiltinImporter, FrozenImporter, PathFinder):  # a tuple: others may not hash
            continue
        with suppress(Exception):  # a fault in a finder of another package is no mistake of the task
            if (spec := finder.find_spec(name, path)) is not None:
                return spec
    return None


def _source_file(spec: ModuleSpec) -> Path | None:
    has_source = spec.origin is not None and spec.origin.endswith(tuple(SOURCE_SUFFIXES))
    return Path(spec.origin) if has_source and spec.origin else None


def _is_namespace(spec: ModuleSpec) -> bool:
    return spec.origin is None and spec.submodule_search_locations is not None


def _no_module(name: str, working_directory: Path) -> Problem:
    """The problem that there is no module; it suggests modules of the project alone."""
    from magnus.tasks.source.import_path import own_entries  # lazy: only mistakes need it

    message = f"there is no module '{name}' in the working directory or on the import path"
    below = [(folder, _modules_in([str(folder)])) for folder in _source_folders(working_directory)]
    folder = next((folder for folder, names in below if name in names), None)
    if folder is not None:
        shown = folder.relative_to(working_directory)
        package = "" if (folder / name).is_dir() else ".py"
        installs = any((working_directory / file).is_file() for file in _OF_DISTRIBUTIONS)
        fix = f"{'pip install -e . , or ' if installs else ''}PYTHONPATH={shown}"
        return Problem(f"{message}; there is {shown}/{name}{package}", fix, is_shared=True)
    own = [str(working_directory), *own_entries(), *(str(folder) for folder, _ in below)]
    near = _near(name, _modules_in(own))
    fix = f"did you mean '{near}'?" if near else f"make '{name}.py' in '{working_directory}', or install the package"
    return Problem(message, fix, is_shared=near is None)


def _source_folders(working_directory: Path) -> list[Path]:
    """The folders of the project that may hold its modules, `src` first; no environments, and nothing that is hidden."""
    try:
        folders = [entry for entry in working_directory.iterdir() if entry.is_dir() and entry.name.isidentifier()]
    except OSError:
        return []
    folders = [
        folder for folder in folders if not (folder / "pyvenv.cfg").exists() and not (folder / "__init__.py").exists()
    ]
    return sorted(folders, key=lambda folder: (folder.name != "src", folder.name))


def _no_name(module: _Module, names: Sequence[str], others: Sequence[str]) -> Problem:
    modules = _modules_in(module.folders)
    command = module.command(names)
    if len(names) == 1 and names[0] in modules:
        return Problem(f"'{command}' is a module", f"name a function in it: {command}.<function>")
    public = [name for name in others if not name.startswith("_")]
    if module.folders and len(names) > 1:
        return Problem(
            f"there is no module '{names[0]}' in the package '{module.name}'", _suggestion(names, modules, public)
        )
    name = ".".join(names)
    return Problem(f"there is no function '{name}' in the module '{module.name}'", _suggestion(names, public, public))


def _suggestion(names: Sequence[str], likely: Iterable[str], defined: Sequence[str]) -> str:
    near = next((near for name in names if (near := _near(name, [*likely, *defined])) not in {None, name}), None)
    if near:
        return f"did you mean '{near}'?"
    candidates = sorted(likely)
    return f"there are: {', '.join(candidates[:_MOST_NAMES])}" if candidates else "there is nothing in it yet"


def _modules_in(folders: Iterable[str]) -> set[str]:
    """The names of the modules and packages in `folders`, but for private ones."""
    names = set()
    for folder in folders:
        with suppress(OSError), os.scandir(folder or ".") as entries:
            for entry in entries:
                name, dot, suffix = entry.name.partition(".")
                is_module = dot + suffix in SOURCE_SUFFIXES if dot else entry.is_dir()
                if is_module and name.isidentifier() and not name.startswith("_"):
                    names.add(name)
    return names


def _near(name: str, candidates: Iterable[str]) -> str | None:
    from difflib import get_close_matches  # lazy: only mistakes need it

    return next(iter(get_close_matches(name, list(candidates), n=1)), None)


def _respelling(command: str) -> str:
    """A suggestion how to write a path, a call or a `module:function` as a command."""
    parts = command.strip().removesuffix("()").removeprefix("./").replace(":", "/").split("/")
    guess = ".".join(part.removesuffix(".py") for part in parts if part).strip(".")
    return f"did you mean '{guess}'?" if _DOTTED.fullmatch(guess) and "." in guess else "write <module>.<function>"


def _display_path(file: Path | None, working_directory: Path) -> str:
    return str(file.relative_to(working_directory) if file and file.is_relative_to(working_directory) else file)


def split_script_command(command: str, working_directory: Path) -> tuple[Path, list[str]] | None:
    """The script and the dotted name in `path/to/script.py:function`; None if the command has another form."""
    file, colon, name = command.rpartition(":")
    if not colon or not file.endswith(".py") or not all(part.isidentifier() for part in name.split(".")):
        return None
    return working_directory / file, name.split(".")


def script_command(file: Path, name: str, working_directory: Path) -> str:
    """The command `path/to/script.py:function`; the file is relative to the working directory when it is in there."""
    inside = file.is_relative_to(working_directory)
    return f"{file.relative_to(working_directory) if inside else file}:{name}"
