"""Modules of the project that have the name of a standard module, or of one that magnus needs. Used by `engine.user_code.imports`.

Python has one module for a name. While code of the project runs, a name means the module of the project, as for a program
that python runs from its folder. While other code runs, the folder is the last of the import path, and a name means the
module of the library. So a late import of magnus, or of a library, never gets a file of the project.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.machinery import BuiltinImporter, FrozenImporter, all_suffixes
from os import scandir
from pathlib import Path
from types import ModuleType
from typing import Final, Literal

from magnus.errors import Problem

_NEEDED: Final = frozenset(
    "click docker magnus mlflow msgspec nbclient nbformat pydantic pydantic_core typing_extensions yaml".split()
)
"""What magnus itself may import late, beside the standard library."""

_IN_USE: Final = sys.stdlib_module_names | _NEEDED


class ProjectModules:
    """The modules of the folder under `names`, and who sees them. One in a process for a folder."""

    def __init__(self, folder: str, names: frozenset[str]) -> None:
        self.names = names
        self._folder = folder
        self._theirs: dict[str, ModuleType] = {}
        self._others: dict[str, ModuleType] = {}
        self._is_seen = False

    def has(self, origin: str | None) -> bool:
        """Whether a file is one of the project, and not of a package installed somewhere in it."""
        path = origin or ""
        return path.startswith(f"{self._folder}/") and "/site-packages/" not in path and "/lib/python" not in path

    @contextmanager
    def seen(self, *, seen: bool) -> Iterator[None]:
        """Inside, let the names mean modules of the project, or modules of libraries."""
        if seen is self._is_seen:
            yield
            return
        path = self._change(seen=seen)
        try:
            yield
        finally:
            self._change_back(path, seen=not seen)

    def put_last(self) -> None:
        """Have the folder be the last of the import path, where it is searched at all."""
        sys.path[:] = [*(entry for entry in sys.path if not self._is_folder(entry)), self._folder]

    def _change(self, *, seen: bool) -> list[str]:
        """Change who sees the modules; returns the import path as it was."""
        before = list(sys.path)
        self._swap(seen=seen)
        if seen:
            sys.path[:] = [self._folder, *(entry for entry in before if not self._is_folder(entry))]
        else:
            self.put_last()
        return before

    def _change_back(self, path: list[str], *, seen: bool) -> None:
        """The same again, with the entries that came since."""
        came = [entry for entry in sys.path if entry not in path and not self._is_folder(entry)]
        gone = [entry for entry in path if entry not in sys.path and not self._is_folder(entry)]
        self._swap(seen=seen)
        sys.path[:] = [*came, *(entry for entry in path if entry not in gone)]

    def _swap(self, *, seen: bool) -> None:
        leaves, comes = (self._others, self._theirs) if seen else (self._theirs, self._others)
        leaves.clear()
        for name in [name for name in sys.modules if name.partition(".")[0] in self.names]:
            leaves[name] = sys.modules.pop(name)
        sys.modules.update(comes)
        self._is_seen = seen

    def _is_folder(self, entry: str) -> bool:
        return entry in {"", ".", self._folder}


@cache
def project_modules(folder: str) -> ProjectModules | None:
    """The modules of the folder; None if no library has a module of such a name, as in nearly all projects."""
    names = frozenset(name for name in _modules_in(folder) if not is_always_pythons(name))
    return ProjectModules(folder, names) if names else None


def hidden_modules(folder: Path) -> list[Problem]:
    """Warnings about modules of the folder that nothing can import, since python has its own before it reads any folder."""
    names = sorted(name for name in _modules_in(str(folder)) if is_always_pythons(name))
    return [never_imported(name, severity="warning") for name in names]


def never_imported(name: str, *, severity: Literal["error", "warning"] = "error") -> Problem:
    """What is wrong with a module of the project of that name."""
    message = f"'{name}.py' is never imported: python has a module '{name}' of its own before it reads any folder"
    return Problem(message, "rename the file", severity=severity)


def is_always_pythons(name: str) -> bool:
    """Whether a module is a part of the interpreter, or loaded before any program is."""
    return name == "encodings" or bool(BuiltinImporter.find_spec(name) or FrozenImporter.find_spec(name))


def _modules_in(folder: str) -> frozenset[str]:
    """The names of modules and packages of the folder that libraries have too; a package needs an `__init__.py`."""
    suffixes = tuple(all_suffixes())
    names = set()
    try:
        with scandir(folder) as entries:
            for entry in entries:
                name, dot, suffix = entry.name.partition(".")
                if name in _IN_USE and (dot + suffix in suffixes if dot else _is_package(entry.path)):
                    names.add(name)
    except OSError:  # it is not there: the code that needs it reports that
        return frozenset()
    return frozenset(names)


def _is_package(path: str) -> bool:
    return Path(path, "__init__.py").is_file()
