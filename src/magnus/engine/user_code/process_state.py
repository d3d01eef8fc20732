"""Sets and restores the state of this process around a task that runs in it; the only module that changes it.

Users read `os.environ` and the working directory, and change them; nothing of that reaches the next step. What importing
a module of theirs does stays, since the module does.
"""

import os
import sys
import time
from _signal import SIG_DFL, SIGALRM, getsignal  # type: ignore[import-not-found]  # the functions of `signal` make enums, which takes longer than all the rest
from _signal import signal as set_signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType, TracebackType
from typing import Final, NoReturn

from magnus.engine.processes import forks
from magnus.engine.user_code.imports import ImportWatcher, project_modules
from magnus.engine.user_code.process_items import merged_items, read_items, restore_items
from magnus.engine.user_code.process_values import Timers, merged_lists, merged_mappings
from magnus.errors import TaskFailed

_ZONE: Final = b"TZ"
_ENCODING: Final = sys.getfilesystemencoding()
_encoded_name: Final = lru_cache(maxsize=1024)(os.fsencode)


class Alarm(TaskFailed):
    """The alarm that a task set rang, and it has no handler for it; left alone it would end magnus."""


class applied:  # noqa: N801 - used as a function is
    """Run what is inside with `additions` in the environment (None takes a name out) and in the working directory.

    The working directory is also the first entry of the import path; where it has modules called as others are, that
    holds for code of the project alone (`engine.user_code.imports`). Gives the complete environment of the step.
    Afterwards the process is as it was, item by item (`engine.user_code.process_items`), but for what modules did while they were
    imported. Timers are cancelled.

    `project` is the folder that modules are found in where that is not the working directory.
    `load` is called with the name of each imported module, without the modules it imports itself, and with "" afterwards.

    Raises TaskFailed afterwards when something could not be restored.
    """

    def __init__(
        self,
        additions: Mapping[str, str | None],
        working_directory: Path,
        load: Callable[[str], None] = lambda _what: None,
        *,
        project: Path | None = None,
    ) -> None:
        self._load = load
        self._additions = additions
        self._target = str(working_directory)
        self._project = str(project or working_directory)
        self._watcher = ImportWatcher(self._importing, project_modules(self._project))
        self._folder: int | None = None

    def __enter__(self) -> Mapping[str, str]:
        self._environ, self._environment = os.environ, _raw_environment()
        self._path_list, self._path = sys.path, list(sys.path)
        self._timers = Timers()
        self._items = read_items()
        target = self._target
        self._folder = None if _working_directory() == target else os.open(".", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _set_environment(self._additions)
            if self._folder is not None:
                os.chdir(target)
            if self._watcher.project is None:
                sys.path.insert(0, self._project)
            else:
                self._watcher.project.put_last()
            sys.meta_path.insert(0, self._watcher)
            if getsignal(SIGALRM) is SIG_DFL and current_thread() is main_thread():
                set_signal(SIGALRM, _alarm_rang)
        except BaseException:
            self._restore()
            raise
        return os.environ

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._timers.cancel()
            if getsignal(SIGALRM) is _alarm_rang:
                set_signal(SIGALRM, SIG_DFL)
        finally:
            refused = self._restore()
        if refused and error is None:
            message = f"the task lowered a hard limit that cannot be raised again: {', '.join(refused)}"
            raise TaskFailed(message, fix="lower the soft limit alone, or set it in a process that the task starts")

    def _restore(self) -> tuple[str, ...]:
        """Restore everything; what could not be."""
        refused: tuple[str, ...] = ()
        with suppress(ValueError):  # a task took it out
            sys.meta_path.remove(self._watcher)
        items = read_items()
        if items != self._items:
            refused = restore_items(self._items, items)
        _restore_working_directory(self._folder, self._target)
        os.environ = self._environ  # noqa: B003 - the mapping that a task replaced
        _restore_environment(self._environment, self._additions)
        sys.path = self._path_list
        sys.path[:] = self._path
        return refused

    @contextmanager
    def _importing(self, name: str) -> Iterator[None]:
        """Around the code of a module: what it changes stays."""
        environment, path, items = _raw_environment(), list(sys.path), read_items()
        self._load(name)
        try:
            yield
        finally:
            self._load("")
            if os.environ is self._environ:
                self._environment = merged_mappings(self._environment, environment, _raw_environment())
            if path != sys.path:
                self._path = merged_lists(self._path, path, sys.path)
            self._items = merged_items(self._items, items, read_items())


def _alarm_rang(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Alarm("the alarm of the task rang (SIGALRM), and it has no handler for it", fix="set one with signal.signal")


class HardExit(SystemExit):
    """User code called `os._exit`, which would have killed magnus itself."""


@contextmanager
def without_hard_exits(stderr: int = 2) -> Iterator[None]:
    """Let `os._exit` raise HardExit in this process and thread; processes that are forked from it end as they want to.

    So do processes that C code forked, which python does not notice. A call in another thread, which cannot end the run
    in order, is shown on `stderr` and ends the process, never with 0.
    """
    end, owner, process = os._exit, current_thread(), os.getpid()

    def refuse(status: int) -> NoReturn:
        if os.getpid() != process:
            end(status)
        if current_thread() is owner:
            raise HardExit(status)
        with suppress(OSError):
            os.write(
                stderr, f"error: a thread called os._exit({status}), which ends magnus too: call it nowhere\n".encode()
            )
        end(status or 1)

    def allow() -> None:
        if os._exit is refuse:
            os._exit = end

    os._exit = refuse
    forks.watch()
    try:
        with forks.dropped(allow):
            yield
    finally:
        allow()


def _set_environment(additions: Mapping[str, str | None]) -> None:
    encoded = os.environ._data  # type: ignore[attr-defined]  # noqa: SLF001 - as below
    for name, value in additions.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            key, data = _encoded_name(name), value.encode(_ENCODING, "surrogateescape")
            os.putenv(key, data)
            encoded[key] = data


def _raw_environment() -> dict[bytes, bytes]:
    """The environment as bytes; the mapping behind `os.environb`, whose own copy decodes every name in turn."""
    return dict(os.environ._data)  # type: ignore[attr-defined]  # noqa: SLF001 - a tenth of the cost of a step


def _restore_environment(before: Mapping[bytes, bytes], additions: Iterable[str]) -> None:
    """Make the environment what it was `before`; most steps leave all but the `additions` as it was."""
    now: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]  # noqa: SLF001 - as above
    has_other_zone = now.get(_ZONE) != before.get(_ZONE)
    for name in map(_encoded_name, additions):
        if name not in before and name in now:
            os.unsetenv(name)
            del now[name]
    if now != before:
        for name in now.keys() - before.keys():
            os.unsetenv(name)
            del now[name]
        for name, value in before.items():
            if now.get(name) != value:
                os.putenv(name, value)
                now[name] = value
    if has_other_zone:
        time.tzset()


def _working_directory() -> str:
    """The working directory; "" when it is gone."""
    try:
        return os.getcwd()  # noqa: PTH109 - a path object costs more than all the rest here
    except OSError:
        return ""


def _restore_working_directory(folder: int | None, target: str) -> None:
    """Go back to the open folder, or to `target` when that was it; either may be gone."""
    with suppress(OSError):
        if folder is not None:
            os.fchdir(folder)
        elif _working_directory() != target:
            os.chdir(target)
    if folder is not None:
        os.close(folder)
