"""The output of steps in an object store: numbered pieces, of which the last one grows while the step prints.

An object cannot be appended to. A thread sends new output again and again: soon at first, then less often. So a reader
is a few seconds behind, and a killed process loses that much. Every writer creates pieces of its own, and a log is all
pieces in the order of their numbers.
"""

import io
import re
import threading
from collections.abc import Sequence
from typing import Any, Final

from magnus.catalogs.object_store.failures import failing
from magnus.errors import CatalogError
from magnus.object_stores.interface import ObjectFacts, ObjectStore

_FIRST_SECONDS: Final = 0.3
_LONGEST_SECONDS: Final = 4.0
_PIECE_BYTES: Final = 256 * 1024
"""A piece of this size does not grow any more."""
_MOST_UNSENT_BYTES: Final = 8 * 1024 * 1024
_DIGITS: Final = 8
_NUMBER: Final = re.compile(rf"[0-9]{{{_DIGITS},}}")


class LogWriter(io.RawIOBase):
    """The log of a step, open for appending; what is written is sent soon, and at the latest when it is closed.

    CatalogError of a write or of `close` says that output could not be sent.
    """

    def __init__(self, objects: ObjectStore, place: str) -> None:
        self._objects = objects
        self._place = place
        self._number = 0
        self._key = ""
        self._piece = bytearray()
        self._sent = 0
        self._error: CatalogError | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def writable(self) -> bool:
        """It can be written to."""
        return True

    def write(self, data: Any) -> int:
        """Append all of the data, any buffer."""
        block = memoryview(data).cast("B")
        with self._lock:
            self._raise()
            self._piece += block
            if len(self._piece) - self._sent > _MOST_UNSENT_BYTES:
                self._send()
                self._raise()
        if self._thread is None:
            self._thread = threading.Thread(target=self._follow, name="magnus-log", daemon=True)
            self._thread.start()
        return len(block)

    def close(self) -> None:
        """Send the rest."""
        if self.closed:
            return
        try:
            self._closing.set()
            if self._thread is not None:
                self._thread.join()
            with self._lock:
                self._send()
        finally:
            super().close()
        self._raise()

    def _follow(self) -> None:
        pause = _FIRST_SECONDS
        while not self._closing.wait(pause):
            with self._lock:
                self._send()
            pause = min(2 * pause, _LONGEST_SECONDS)

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _send(self) -> None:
        """Send the piece as it is now, unless nothing was added or an earlier piece could not be sent."""
        if self._error is not None or len(self._piece) == self._sent:
            return
        content = bytes(self._piece)
        try:
            with failing():
                if self._key:
                    self._objects.put(self._key, content)
                else:
                    self._create(content)
        except CatalogError as error:
            self._error = error
            return
        self._sent = len(content)
        if self._sent >= _PIECE_BYTES:
            self._key, self._sent, self._piece = "", 0, bytearray()

    def _create(self, content: bytes) -> None:
        """Create the next piece; another writer may have created one of this number."""
        while not self._objects.create(key := _piece(self._place, self._number), content):
            numbers = map(_number, _pieces(self._objects, self._place))
            self._number = max(numbers, default=self._number) + 1
        self._key = key
        self._number += 1


class LogReader(io.RawIOBase):
    """The log as it was when it was opened, to be read; a piece is requested when its bytes are."""

    def __init__(self, objects: ObjectStore, pieces: Sequence[ObjectFacts]) -> None:
        self._objects = objects
        self._pieces = sorted(pieces, key=_number)
        self._size = sum(facts.size for facts in pieces)
        self._position = 0
        self._key, self._content = "", b""

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """Its position can be set."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position, in bytes."""
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}
        self._position = max(0, starts[whence] + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Read from the piece at the position; 0 at the end."""
        target = memoryview(buffer).cast("B")
        start = 0
        for facts in self._pieces:
            if start <= self._position < start + facts.size:
                first = self._position - start
                data = self._read(facts)[first : min(first + len(target), facts.size)]
                target[: len(data)] = data
                self._position += len(data)
                return len(data)
            start += facts.size
        return 0

    def _read(self, facts: ObjectFacts) -> bytes:
        if self._key != facts.key:
            with failing():
                content = self._objects.get(facts.key)
            self._key, self._content = facts.key, content or b""
        return self._content


def opened_log(objects: ObjectStore, place: str) -> LogReader | None:
    """The log at this place, to be read; None when there is none. CatalogError."""
    with failing():
        pieces = _pieces(objects, place)
    return LogReader(objects, pieces) if pieces else None


def _pieces(objects: ObjectStore, place: str) -> Sequence[ObjectFacts]:
    """The pieces at this place, without objects of other programs."""
    return [facts for facts in objects.list_direct(place) if _NUMBER.fullmatch(facts.key.rpartition("/")[2])]


def _piece(place: str, number: int) -> str:
    return f"{place}/{number:0{_DIGITS}}"


def _number(facts: ObjectFacts) -> int:
    return int(facts.key.rpartition("/")[2])
