"""Sets and restores the state of this process around a task that runs in it; the only module that changes it.

Users read `os.environ` and the working directory, and change them; nothing of that reaches the next step.
"""

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import current_thread, main_thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Handler


@contextmanager
def applied(additions: Mapping[str, str | None], working_directory: Path) -> Iterator[Mapping[str, str]]:
    """Run what is inside with `additions` in the environment (None takes a name out) and in the working directory.

    The working directory is also the first entry of the import path. Gives the complete environment of the step.
    Afterwards environment, working directory, arguments, import path, logging and the handlers of SIGINT and SIGTERM
    are what they were.
    """
    with ExitStack() as restored:
        for kept in (_environment, _working_directory, _import_path, _arguments, _logging, _signals):
            restored.enter_context(kept())
        _set_environment(additions)
        os.chdir(working_directory)
        sys.path.insert(0, str(working_directory))
        yield os.environ


def _set_environment(additions: Mapping[str, str | None]) -> None:
    for name, value in additions.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    try:
        yield
    finally:
        after = dict(os.environ)
        if after != before:
            for name in after.keys() - before.keys():
                del os.environ[name]
            for name, value in before.items():
                if after.get(name) != value:
                    os.environ[name] = value


@contextmanager
def _working_directory() -> Iterator[None]:
    before = os.open(".", os.O_RDONLY)
    try:
        yield
    finally:
        with suppress(OSError):  # the folder may be gone
            os.fchdir(before)
        os.close(before)


@contextmanager
def _import_path() -> Iterator[None]:
    before = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = before


@contextmanager
def _arguments() -> Iterator[None]:
    before = list(sys.argv)
    try:
        yield
    finally:
        sys.argv[:] = before


@contextmanager
def _logging() -> Iterator[None]:
    """The root logger: a task that configures logging does so for itself, with streams that end with it."""
    before = _root_state() if "logging" in sys.modules else ((), 30, 0)  # as logging is when it is loaded: WARNING
    try:
        yield
    finally:
        if "logging" in sys.modules and _root_state() != before:
            import logging  # lazy: only where the task or somebody before it loaded it

            handlers, level, disabled = before
            logging.root.handlers[:] = handlers
            logging.root.setLevel(level)
            logging.disable(disabled)


def _root_state() -> "tuple[tuple[Handler, ...], int, int]":
    import logging  # lazy: called when it is loaded

    return tuple(logging.root.handlers), logging.root.level, logging.root.manager.disable


@contextmanager
def _signals() -> Iterator[None]:
    """The handlers with which magnus ends a run; only the main thread may set any."""
    if current_thread() is not main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
