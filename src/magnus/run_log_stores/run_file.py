"""The records of one run as a file that only grows: a put is one write, a reader reads only what was added.

Used by the file-system store alone, which sees to it that one thread at a time is in here.
"""

import os
from typing import Final, NamedTuple

from magnus.run_log.records import StepRecord
from magnus.run_log_stores.index import Index
from magnus.run_log_stores.record_line import Heading, heading
from magnus.system.system_calls import SystemCalls

_BLOCK_BYTES: Final = 256 * 1024


class Place(NamedTuple):
    """Where a line is in the file, without its newlines; in bytes."""

    offset: int
    length: int


class ShortWrite(OSError):
    """The system took only a part of a line, and did not say why."""


class RunFile:
    """An open file of records. Every method may raise OSError.

    Attributes:
        run: where the record of the run is, as far as `refresh` has read; None when there is none.
        steps: where those of the steps are.
        newest: a record that was added here and stands for ever, and its place; what a reader asks for next most often.
    """

    __slots__ = ("_descriptor", "_read_to", "_system", "newest", "run", "steps", "writable")

    def __init__(self, descriptor: int, system: SystemCalls, *, writable: bool) -> None:
        self.run: Place | None = None
        self.steps: Index[Place] = Index()
        self.newest: tuple[Place, StepRecord] | None = None
        self.writable = writable
        self._descriptor = descriptor
        self._system = system
        self._read_to = 0

    @property
    def is_there(self) -> bool:
        """Whether the file still has a name; a removed one must not be written to."""
        return os.fstat(self._descriptor).st_nlink > 0

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
        place = Place(start + 1, len(line) - 2) if start == self._read_to else None
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
        """Read what was added, by anyone, since the last time."""
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
        return self._system.read_at(self._descriptor, place.length, place.offset)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)

    def _close_torn_line(self) -> None:
        """End a line that was written in part; the system says now why it was."""
        self._system.write(self._descriptor, b"\n")
        raise ShortWrite("only a part of the record was written")

    def _note_lines(self, block: bytes) -> None:
        """Note the records in whole lines that begin where reading has come to."""
        start = 0
        while start < len(block):
            end = block.index(b"\n", start)
            if end > start and (about := heading(block[start:end])):
                self._note(about, Place(self._read_to + start, end - start))
            start = end + 1
        self._read_to += len(block)

    def _note_tail(self, tail: bytes) -> None:
        """What comes after the last newline counts when it is whole; else it is looked at again when it has grown."""
        if about := heading(tail):
            self._note(about, Place(self._read_to, len(tail)))
            self._read_to += len(tail)

    def _note(self, about: Heading, place: Place) -> None:
        if about.step is None:
            self.run = place
        else:
            self.steps.note(about.step, place, success=about.success)
