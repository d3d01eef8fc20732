"""The run files a process has open: the last few it used, under one lock, never those of the process it forked from."""

import os
from collections.abc import Callable
from threading import Lock
from typing import Final

from magnus.run_log_stores.run_file import RunFile

_MOST_OPEN: Final = 16


class OpenRuns:
    """Open files by run id; every method is for the one thread that holds `lock`.

    A forked child has the descriptors of its parent, which share one offset, and may have its lock, held for ever by
    a thread that is not there any more. So it begins anew.
    """

    __slots__ = ("_files", "_lock", "_process")

    def __init__(self) -> None:
        self._files: dict[str, RunFile] = {}
        self._lock = Lock()
        self._process = os.getpid()

    @property
    def lock(self) -> Lock:
        """The lock of this process. It is entered by the caller, where an interruption cannot leave it held."""
        if self._process != os.getpid():
            self._begin_anew()
        return self._lock

    def get(self, run_id: str, open_file: Callable[[], RunFile], *, writing: bool) -> RunFile:
        """The file of the run, opened when it is not open, or was removed and perhaps made again since."""
        run = self._files.get(run_id)
        if run is not None:
            if run.is_there and (run.writable or not writing):
                return run
            self._close(run_id)
        elif len(self._files) >= _MOST_OPEN:
            self._close(next(iter(self._files)))
        run = self._files[run_id] = open_file()
        return run

    def close(self) -> None:
        """Close every file."""
        for run_id in tuple(self._files):
            self._close(run_id)

    def _close(self, run_id: str) -> None:
        self._files.pop(run_id).close()

    def _begin_anew(self) -> None:
        inherited, self._files = self._files, {}
        self._lock = Lock()
        self._process = os.getpid()
        for run in inherited.values():
            run.close()
