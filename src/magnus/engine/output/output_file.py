"""The file that takes what the steps of a process print, one step after the other. Used by `engine.output.capture`.

It has no name, and the next step gets the same one unless a process still has it open: to make one file after another
takes longer than all the rest of a step. Where a process runs steps for another one it has a name, so that the other can
read on when the process dies.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from magnus.errors import ServiceError


class OutputFile:
    """The file of one process.

    Args:
        folder: for files without a name; on a local disk.
        name: the file to be used in their place, which holds what the step in progress has printed.
    """

    def __init__(self, folder: Path, name: Path | None) -> None:
        self._folder = folder
        self._name = name
        self._descriptor = -1

    def emptied(self) -> int:
        """The file, empty and open in no other process, to append to and to read; it is closed with this object.

        ServiceError when there is no room for it.
        """
        try:
            if self._descriptor >= 0 and not _is_nobody_elses(self._descriptor):
                self.close()
            if self._descriptor < 0:
                self._descriptor = _unnamed_file(self._folder) if self._name is None else _named_file(self._name)
            elif os.fstat(self._descriptor).st_size:
                os.ftruncate(self._descriptor, 0)
        except OSError as error:
            reason = f"no file for the output of the step can be made in '{self._folder}': {error.strerror}"
            raise ServiceError(reason, fix="set TMPDIR to a folder that is writable and has room") from error
        return self._descriptor

    def forget(self) -> None:
        """The output of the step is kept: nobody is to read it in the file again."""
        if self._name is not None and os.fstat(self._descriptor).st_size:
            os.ftruncate(self._descriptor, 0)

    def close(self) -> None:
        """Close it, where it was ever open."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def output_file_of(folder: Path, pid: int) -> Path:
    """Where a process that runs steps for another one has their output; `folder` is that of the run there."""
    return folder / f"output-{pid}"


def opened_again(file: int) -> int:
    """Another description of the open file, to tell later whether somebody has it; the same where there is no /proc."""
    try:
        return os.open(f"/proc/self/fd/{file}", os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    except OSError:
        return file


def _is_nobody_elses(file: int) -> bool:
    """Whether no process has the file open in another way; a lease to write, which Linux knows, says so (fcntl(2))."""
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except (OSError, AttributeError):
        return False
    return True


def _named_file(name: Path) -> int:
    name.unlink(missing_ok=True)
    return os.open(name, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_CREAT | os.O_EXCL, 0o600)


def _unnamed_file(folder: Path) -> int:
    """A file without a name, gone when nobody has it open any more."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
    unnamed = getattr(os, "O_TMPFILE", 0)
    if unnamed:
        with suppress(OSError):  # not every file system can
            return os.open(folder, flags | unnamed, 0o600)
    name = folder / f"output-{os.urandom(8).hex()}"
    descriptor = os.open(name, flags | os.O_CREAT | os.O_EXCL, 0o600)
    name.unlink()
    return descriptor
