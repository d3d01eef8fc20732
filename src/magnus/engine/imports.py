"""Notices when a module is imported while a task runs, so that what importing it does can stay. Used by `engine.process_state`."""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader
from threading import get_ident
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, TypeAlias

_HIDDEN: Final = "<frozen importlib._bootstrap>"
"""Frames of this file are left out of tracebacks of imports, as those of importlib are."""

Around: TypeAlias = Callable[[], AbstractContextManager[None]]


class ImportWatcher:
    """The first finder of `sys.meta_path` while a task runs: finds modules as the others do, and is `around` their code.

    Modules that another one imports are a part of it. Of other threads nothing is noticed.
    """

    def __init__(self, around: Around) -> None:
        self._around = around
        self._thread = get_ident()
        self._is_busy = False

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the other finders find; the code of the module will run inside `during`."""
        if self._is_busy or get_ident() != self._thread:
            return None
        self._is_busy = True  # a finder behind this one may ask all others
        try:
            spec = self._found_by_others(name, path, target)
        finally:
            self._is_busy = False
        if spec is not None and isinstance(spec.loader, SourceFileLoader | ExtensionFileLoader):
            _wrap(spec.loader, self.during)
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

    def during(self) -> "_During":
        """A context manager around the code of a module."""
        return _During(self)

    def begin(self) -> AbstractContextManager[None] | None:
        """The outermost import begins; None when it is not that one."""
        if self._is_busy or get_ident() != self._thread:
            return None
        self._is_busy = True
        return self._around()

    def end(self) -> None:
        """It is over."""
        self._is_busy = False


class _During:
    """Around the code of a module."""

    def __init__(self, watcher: ImportWatcher) -> None:
        self._watcher = watcher
        self._around: AbstractContextManager[None] | None = None

    def __enter__(self) -> None:
        self._around = self._watcher.begin()
        if self._around is not None:
            self._around.__enter__()

    def __exit__(self, *error: object) -> None:
        if self._around is not None:
            self._watcher.end()
            self._around.__exit__(*error)  # type: ignore[arg-type]


def during_import() -> AbstractContextManager[None]:
    """Around code that is executed as a module is, though not by importing it; does nothing where no task runs."""
    from contextlib import nullcontext  # lazy: only scripts need it

    watchers = (finder for finder in sys.meta_path if isinstance(finder, ImportWatcher))
    return next((watcher.during() for watcher in watchers), nullcontext())


def _wrap(loader: Any, around: Callable[[], AbstractContextManager[None]]) -> None:
    """Have the next module that the loader executes be executed inside `around()`; a loader is of one module."""
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        loader.__dict__.pop("exec_module", None)
        with around():
            execute(module)

    code: CodeType = exec_module.__code__.replace(co_filename=_HIDDEN)
    loader.exec_module = FunctionType(code, globals(), "exec_module", None, exec_module.__closure__)
