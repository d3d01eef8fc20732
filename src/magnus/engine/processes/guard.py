"""Guards the process of a run: it has the steps of one run at a time, and what the run started ends with it.

The process that watches (`system.descendants`) is started before the first process of the run, so that a run which
starts none has none. It is no child of this one: user code may wait for all children there are.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Lock, RLock
from types import TracebackType
from typing import Final, Self

from magnus.engine.processes import forks
from magnus.errors import InvalidInput
from magnus.system import descendants
from magnus.system.descriptors import OwnDescriptor

_IN_BACKGROUND: Final = 'exec 3<&0; "$@" <&3 3<&- &'
_NEEDED: Final = ("LD_LIBRARY_PATH", "PATH")
_LOCK: Final = RLock()


class Guard:
    """Guards the processes of one run; a context manager around the run, whose private folder `folder` is."""

    def __init__(self, folder: Path) -> None:
        self._folder = os.fspath(folder)
        self._lock = Lock()
        self._pipe: OwnDescriptor | None = None
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        """Have the mark open, by which forked processes of the run are found."""
        mark = os.open(f"{self._folder}/{descendants.MARK}", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._opened.callback(OwnDescriptor(mark).close)
        self._opened.enter_context(forks.preceded(self.start))
        self._opened.enter_context(forks.dropped(self._leave))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End what is left of a run that was interrupted; of another one the background is left alone."""
        self._opened.close()
        try:
            if isinstance(error, KeyboardInterrupt):
                descendants.end(descendants.of_folder(self._folder))
        finally:
            if self._pipe is not None:
                if self._pipe.status() is not None:
                    with suppress(OSError):  # somebody killed the process that watches
                        os.write(self._pipe.number, descendants.DONE)
                self._pipe.close()

    def start(self) -> None:
        """Have a process that watches, before another one is started; that it cannot be started stops nothing."""
        with self._lock:
            if self._pipe is not None or sys.platform != "linux" or os.getpid() == 1:  # all ends with the first process
                return
            reading, writing = os.pipe()
            self._pipe = OwnDescriptor(writing)
            with suppress(OSError):
                _start(reading, self._folder)
            os.close(reading)

    def _leave(self) -> None:
        """In a forked child: the run is over when its own process is."""
        if self._pipe is not None:
            self._pipe.close()


def _start(reading: int, folder: str) -> None:
    import subprocess  # lazy: most runs start no process

    program = [sys.executable, "-I", "-S", str(descendants.__file__), folder]
    subprocess.run(
        ["/bin/sh", "-c", _IN_BACKGROUND, "sh", *program],
        check=False,
        stdin=reading,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={name: os.environ[name] for name in _NEEDED if name in os.environ},
        start_new_session=True,
    )


@contextmanager
def claimed() -> Iterator[None]:
    """Hold this process for the steps of one run; a task may run a pipeline itself, in its own thread.

    Raises InvalidInput when a run has its steps here in another thread.
    """
    if not _LOCK.acquire(blocking=False):
        message = "another run has its steps in this process now, in another thread"
        fix = "wait for it, or let this one have workers: executor: {type: local, config: {enable_parallel: true}}"
        raise InvalidInput(message, fix=fix)
    try:
        with forks.dropped(_LOCK._at_fork_reinit):  # type: ignore[attr-defined]  # noqa: SLF001 - as the library does
            yield
    finally:
        _LOCK.release()
