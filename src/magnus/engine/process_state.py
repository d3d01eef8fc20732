"""Sets and restores the state of this process around a task that runs in it; the only module that changes it.

Users read `os.environ` and the working directory, and change them; nothing of that reaches the next step.
"""

import os
import signal
import sys
from _signal import getsignal  # type: ignore[import-not-found]  # the one of `signal` turns numbers into enums, which takes longer than all the rest
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

if TYPE_CHECKING:
    from logging import Handler

_ENDING: Final = (int(signal.SIGINT), int(signal.SIGTERM))
_WARNING: Final = 30
"""The level of the root logger as logging is loaded."""


@contextmanager
def applied(additions: Mapping[str, str | None], working_directory: Path) -> Iterator[Mapping[str, str]]:
    """Run what is inside with `additions` in the environment (None takes a name out) and in the working directory.

    The working directory is also the first entry of the import path. Gives the complete environment of the step.
    Afterwards environment, working directory, arguments, import path, logging and the handlers of SIGINT and SIGTERM
    are what they were.
    """
    environment, path, arguments = _raw_environment(), list(sys.path), list(sys.argv)
    logging_state, handlers = _logging_state(), _signal_handlers()
    target = str(working_directory)
    folder = None if _working_directory() == target else os.open(".", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _set_environment(additions)
        os.chdir(target)
        sys.path.insert(0, target)
        yield os.environ
    finally:
        _restore_working_directory(folder, target)
        _restore_environment(environment)
        sys.path[:] = path
        sys.argv[:] = arguments
        _restore_logging(logging_state)
        _restore_signals(handlers)


class HardExit(SystemExit):
    """`os._exit` was called where it would have ended magnus itself."""


@contextmanager
def without_hard_exits() -> Iterator[None]:
    """Let `os._exit` raise HardExit in this process; those that are forked from it end as they want to."""
    end, owner = os._exit, os.getpid()

    def refuse(status: int) -> NoReturn:
        if os.getpid() != owner:
            end(status)
        raise HardExit(status)

    os._exit = refuse
    try:
        yield
    finally:
        if os._exit is refuse:
            os._exit = end


def _set_environment(additions: Mapping[str, str | None]) -> None:
    encoded, encode = os.environ._data, os.environ.encodevalue  # type: ignore[attr-defined]  # noqa: SLF001 - as below
    for name, value in additions.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            key, data = encode(name), encode(value)
            os.putenv(key, data)
            encoded[key] = data


def _raw_environment() -> dict[bytes, bytes]:
    """The environment as bytes; the mapping behind `os.environb`, whose own copy decodes every name in turn."""
    return dict(os.environ._data)  # type: ignore[attr-defined]  # noqa: SLF001 - a tenth of the cost of a step


def _restore_environment(before: Mapping[bytes, bytes]) -> None:
    now: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]  # noqa: SLF001 - as above
    for name in now.keys() - before.keys():
        os.unsetenv(name)
        del now[name]
    for name, value in before.items() - now.items():
        os.putenv(name, value)
        now[name] = value


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


_LoggingState: TypeAlias = "tuple[tuple[Handler, ...], int, int]"


def _logging_state() -> _LoggingState:
    """Handlers and level of the root logger, and what is disabled; as they are when logging is loaded, if it is not."""
    if "logging" not in sys.modules:
        return (), _WARNING, 0
    import logging  # lazy: it is loaded

    return tuple(logging.root.handlers), logging.root.level, logging.root.manager.disable


def _restore_logging(before: _LoggingState) -> None:
    """A task that configures logging does so for itself, with streams that end with it."""
    if "logging" not in sys.modules or _logging_state() == before:
        return
    import logging  # lazy: it is loaded

    handlers, level, disabled = before
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    logging.disable(disabled)


def _signal_handlers() -> dict[int, Any]:
    """The handlers with which magnus ends a run; only the main thread may set any."""
    if current_thread() is not main_thread():
        return {}
    return {number: getsignal(number) for number in _ENDING}


def _restore_signals(before: Mapping[int, Any]) -> None:
    for number, handler in before.items():
        if handler is not None and getsignal(number) is not handler:
            signal.signal(number, handler)
