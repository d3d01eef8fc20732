"""The records of one run as a file that only grows: a put is one write, a reader reads only the bytes added since.

Used by the file-system store alone, which lets one thread at a time in here.
"""

import os
from collections.abc import Callable
from threading import Lock
from typing import Final

from magnus.run_log.records import StepRecord
from magnus.run_log_stores.index import Index
from magnus.run_log_stores.record_line import Heading, Place, heading, note_lines
from magnus.system.atomic_files import READ
from magnus.system.descriptors import OwnDescriptor
from magnus.system.system_calls import SystemCalls

_BLOCK_BYTES: Final = 256 * 1024
_MOST_OPEN: Final = 16
_LAST_BYTES: Final = 32 * 1024
_LINE: Final = b'{"crc":"'
_CRC_DIGITS: Final = 8
_RUN: Final = b'","run":'
"""The text after the checksum in the record of a run; in other records it is part of a value, if anything."""


class ShortWrite(OSError):
    """The system took only a part of a line, and did not say why."""


class RunFile:
    """An open file of records. Every method may raise OSError.

    Attributes:
        run: where the record of the run is, as far as `refresh` has read; None when there is none.
        steps: where the records of the steps are.
        newest: the last final record that was added here, and its place; readers mostly ask for this one next.
    """

    __slots__ = ("_descriptor", "_opened", "_read_to", "_size", "_system", "newest", "run", "steps", "writable")

    def __init__(self, descriptor: int, system: SystemCalls, *, writable: bool) -> None:
        self.run: Place | None = None
        self.steps: Index[Place] = Index()
        self.newest: tuple[Place, StepRecord] | None = None
        self.writable = writable
        self._opened = OwnDescriptor(descriptor)
        self._descriptor = descriptor
        self._system = system
        self._read_to = 0
        self._size = os.fstat(descriptor).st_size

    @property
    def is_there(self) -> bool:
        """Whether the file still has a name and is open here; another one must not be written to."""
        status = self._opened.status()
        if status is None:
            return False
        self._size = status.st_size
        return status.st_nlink > 0

    def begin(self) -> None:
        """Read what there is of a run that has just started, so that what is added next is noted at once."""
        if self._read_to == 0 and self._size <= _BLOCK_BYTES:
            self.refresh()

    def append(self, line: bytes, about: Heading, *, durable: bool) -> Place | None:
        """Add a line, newlines included: whole, or so that no reader ever takes it for a record.

        Its place, when it follows what was read so far; else None: it is noted with what stands before it.
        """
        written = self._system.write(self._descriptor, line)
        # Without its last newline a line is whole: the next one begins with a newline of its own.
        if written < len(line) - 1:
            self._close_torn_line()
        end = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        start = end - written
        place = (start + 1, len(line) - 2) if start == self._read_to else None
        if place is not None:
            self._note(about, place)
            self._read_to = end
        if durable:
            self._system.fsync(self._descriptor)
        return place

    def replace_run(self, line: bytes) -> None:
        """Add a record of the run, durably; where that fails, the one before is added again, and stands."""
        self.refresh()
        before = self.run
        try:
            self.append(line, Heading(None, success=False), durable=True)
        except OSError:
            if before is not None:
                self._system.write(self._descriptor, b"\n%b\n" % self.read(before))
            raise

    def refresh(self) -> None:
        """Read the lines that any process added since the last time, up to when it was looked whether the file is there."""
        if self._size == self._read_to:  # to read nothing takes longer: room for a block is made
            return
        size = _BLOCK_BYTES
        while block := self._system.read_at(self._descriptor, size, self._read_to):
            lines_end = block.rfind(b"\n") + 1
            if lines_end:
                self._note_lines(block[:lines_end])
            elif len(block) < size:
                self._note_tail(block)
                break
            else:
                size *= 2

    def read(self, place: Place) -> bytes:
        """The line at `place`."""
        offset, length = place
        return self._system.read_at(self._descriptor, length, offset)

    def close(self) -> None:
        """Give the descriptor back."""
        self._opened.close()

    def _close_torn_line(self) -> None:
        """End a line that was written in part; the system says now why it was."""
        self._system.write(self._descriptor, b"\n")
        raise ShortWrite("only a part of the record was written")

    def _note_lines(self, block: bytes) -> None:
        """Note the records in the whole lines behind the last byte that was read."""
        self.run = note_lines(block, self._read_to, self.steps) or self.run
        self._read_to += len(block)

    def _note_tail(self, tail: bytes) -> None:
        """Note the text after the last newline when it is a whole record; else it is read again when it has grown."""
        if about := heading(tail):
            self._note(about, (self._read_to, len(tail)))
            self._read_to += len(tail)

    def _note(self, about: Heading, place: Place) -> None:
        if about.step is None:
            self.run = place
        else:
            self.steps.note(about.step, place, success=about.success)


class OpenRuns:
    """The last few files that a process used, by run id; every method is for the one thread that holds `lock`.

    A forked child has the descriptors of its parent, which share one offset. It may also have the lock of its parent,
    whose thread does not exist in the child. So the child opens its files again.
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


def last_run_line(file: str, system: SystemCalls) -> bytes:
    """The last whole record of the run, searched from the end of the file, without its newlines.

    OSError when the file cannot be read, ValueError when there is none.
    """
    descriptor = system.open(file, READ, 0)
    try:
        end, size = os.fstat(descriptor).st_size, _LAST_BYTES
        while True:
            start = max(end - size, 0)
            line = _last_in(system.read_at(descriptor, end - start, start))
            if line is not None:
                return line
            if start == 0:
                raise ValueError("no line is the record of the run")
            size *= 8
    finally:
        os.close(descriptor)


def _last_in(block: bytes) -> bytes | None:
    position = block.rfind(_RUN)
    while position >= 0:
        start = position - _CRC_DIGITS - len(_LINE)
        if start >= 0 and block.startswith(_LINE, start) and (start == 0 or block[start - 1] == ord("\n")):
            end = block.find(b"\n", position)
            line = block[start:] if end < 0 else block[start:end]
            about = heading(line)
            if about is not None and about.step is None:
                return line
        position = block.rfind(_RUN, 0, position)
    return None
