"""Notices when a module is imported while a task runs, so that what importing it does can stay. Used by `engine.user_code.process_state`."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader
from pathlib import Path
from threading import get_ident
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, TypeAlias

from magnus.engine.user_code.project_modules import ProjectModules, project_modules

_HIDDEN: Final = "<frozen importlib._bootstrap>"
"""Frames of this file are left out of tracebacks of imports, as frames of importlib are."""

STAND_IN: Final = "__mp_main__"
"""The name of the module of a script that this process does not run."""

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
    return nullcontext() if watcher is None or watcher.project is None else watcher.project.seen(seen=True)


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
    return next((finder for finder in sys.meta_path if isinstance(finder, ImportWatcher)), None)


def _wrap(loader: Any, around: Callable[[], AbstractContextManager[None]]) -> None:
    """Have the next module that the loader executes be executed inside `around()`; a loader is of one module."""
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        loader.__dict__.pop("exec_module", None)
        with around():
            execute(module)

    code: CodeType = exec_module.__code__.replace(co_filename=_HIDDEN)
    loader.exec_module = FunctionType(code, globals(), "exec_module", None, exec_module.__closure__)
