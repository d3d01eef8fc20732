"""Watches the imports of user code: notices the modules that a task imports, and hides modules of the project from others.

Used by `engine.user_code.process_state`, so that what importing a module does can stay.

Python has one module for a name. While code of the project runs, a name means the module of the project, as for a program
that python runs from its folder. While other code runs, the folder is the last of the import path, and a name means the
module of the library. So a late import of magnus, or of a library, never gets a file of the project.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache, partial
from importlib.machinery import (
    BuiltinImporter,
    ExtensionFileLoader,
    FrozenImporter,
    ModuleSpec,
    SourceFileLoader,
    all_suffixes,
)
from os import scandir
from pathlib import Path
from threading import get_ident
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, Literal, TypeAlias

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
        inner = path.removeprefix(self._folder)
        return path.startswith(f"{self._folder}/") and "/site-packages/" not in inner and "/lib/python" not in inner

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


_HIDDEN: Final = "<frozen importlib._bootstrap>"
"""Frames of this file are left out of tracebacks of imports, as frames of importlib are."""

STAND_IN: Final = "__mp_main__"
"""The name of the module of a script that this process does not run."""

_NOTHING: Final = nullcontext()

Around: TypeAlias = Callable[[str], AbstractContextManager[None]]
"""What is around the code of the module of that name."""


class ImportWatcher:
    """The first finder of `sys.meta_path` while a task runs: finds modules as the others do, and is `around` their code.

    Modules that another one imports are a part of it. Of other threads nothing is noticed. Where `project` has modules
    with the names of others, each module sees those it should.
    """

    def __init__(self, around: Around, project: ProjectModules | None = None) -> None:
        self.project = project
        self._around = around
        self._thread = get_ident()
        self._is_executing = False
        self._is_finding = False

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the other finders find; the code of the module will run inside `during`."""
        is_inner = self._is_executing and self.project is None
        if is_inner or self._is_finding or get_ident() != self._thread:
            return None
        self._is_finding = True  # a finder behind this one may ask all others
        try:
            spec = self._found_by_others(name, path, target)
        finally:
            self._is_finding = False
        if spec is not None and isinstance(spec.loader, SourceFileLoader | ExtensionFileLoader):
            _wrap(spec.loader, partial(self.during, name, spec.origin))
        return spec

    def _found_by_others(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        finders = iter(tuple(sys.meta_path))
        for finder in finders:
            if finder is self:
                break
        for finder in finders:
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path, target)
            if spec is not None:
                return spec
        return None

    def during(self, name: str, origin: str | None) -> AbstractContextManager[None]:
        """A context manager around the code of the module."""
        if self.project is None or name.partition(".")[0] in self.project.names:
            return _During(self, name)
        return _During(self, name, self.project.seen(seen=self.project.has(origin)))

    def begin(self, name: str) -> AbstractContextManager[None] | None:
        """Start to watch the outermost import; None for an import inside it."""
        if self._is_executing or get_ident() != self._thread:
            return None
        self._is_executing = True
        return self._around(name)

    def end(self) -> None:
        """It is over."""
        self._is_executing = False


class _During:
    """Around the code of a module."""

    def __init__(self, watcher: ImportWatcher, name: str, seen: AbstractContextManager[None] | None = None) -> None:
        self._watcher = watcher
        self._name = name
        self._seen = seen
        self._around: AbstractContextManager[None] | None = None

    def __enter__(self) -> None:
        self._around = self._watcher.begin(self._name)
        for manager in (self._around, self._seen):
            if manager is not None:
                manager.__enter__()

    def __exit__(self, *error: object) -> None:
        if self._seen is not None:
            self._seen.__exit__(*error)  # type: ignore[arg-type]
        if self._around is not None:
            self._watcher.end()
            self._around.__exit__(*error)  # type: ignore[arg-type]


def during_import(file: Path) -> AbstractContextManager[None]:
    """Around the code of a file that is executed as a module is, though not by importing it; does nothing where no task runs."""
    watcher = _watcher()
    return nullcontext() if watcher is None else watcher.during(file.stem, str(file))


def project_code() -> AbstractContextManager[None]:
    """Around code of the project: it sees the modules of the project first."""
    watcher = _watcher()
    return _NOTHING if watcher is None or watcher.project is None else watcher.project.seen(seen=True)


@contextmanager
def watched_project(folder: Path, around: Around = lambda _name: nullcontext()) -> Iterator[None]:
    """As around a task, where there is none: modules that the project calls like others are seen by `project_code` alone."""
    project = project_modules(str(folder))
    watcher = ImportWatcher(around, project)
    if project is not None:
        project.put_last()
    sys.meta_path.insert(0, watcher)
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.meta_path.remove(watcher)


def _watcher() -> ImportWatcher | None:
    for finder in sys.meta_path:  # it is the first one, unless the task adds another
        if isinstance(finder, ImportWatcher):
            return finder
    return None


def _wrap(loader: Any, around: Callable[[], AbstractContextManager[None]]) -> None:
    """Have the next module that the loader executes be executed inside `around()`; a loader is of one module."""
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        loader.__dict__.pop("exec_module", None)
        with around():
            execute(module)

    code: CodeType = exec_module.__code__.replace(co_filename=_HIDDEN)
    loader.exec_module = FunctionType(code, globals(), "exec_module", None, exec_module.__closure__)
