"""Ends what a run started with the run: when it is interrupted, and, by a process that watches, when it is killed.

The process that watches (`system.descendants`) is started before the first process of the run, so that a run which
starts none has none. It is no child of this one: user code may wait for all children there are.
"""

import os
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Final, Self

from magnus.engine.processes import forks
from magnus.system import descendants

_IN_BACKGROUND: Final = 'exec 3<&0; "$@" <&3 3<&- &'
_NEEDED: Final = ("LD_LIBRARY_PATH", "PATH")


class Guard:
    """Guards the processes of one run; a context manager around the run, whose private folder `folder` is."""

    def __init__(self, folder: Path) -> None:
        self._folder = os.fspath(folder)
        self._lock = Lock()
        self._pipe: int | None = None
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        """Have the folder open, by which forked processes of the run are found."""
        self._opened.callback(os.close, os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
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
                with suppress(OSError):  # somebody killed the process that watches
                    os.write(self._pipe, descendants.DONE)
                os.close(self._pipe)

    def start(self) -> None:
        """Have a process that watches, before another one is started; that it cannot be started stops nothing."""
        with self._lock:
            if self._pipe is not None or sys.platform != "linux" or os.getpid() == 1:  # all ends with the first process
                return
            reading, self._pipe = os.pipe()
            with suppress(OSError):
                _start(reading, self._folder)
            os.close(reading)

    def _leave(self) -> None:
        """In a forked child: the run is over when its own process is."""
        if self._pipe is not None:
            os.close(self._pipe)


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
