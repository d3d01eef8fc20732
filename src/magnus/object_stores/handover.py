"""Hands the pieces of content that one thread reads on to the client, which sends them in another."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from queue import Empty, Full, Queue
from typing import Final

_PIECES_AHEAD: Final = 2
_LOOK_SECONDS: Final = 0.1
"""How often the reader of pieces looks whether the client has failed."""


def first_part(pieces: Iterator[bytes | memoryview], at_least: int) -> tuple[bytes, bool]:
    """The content up to a size in bytes, and whether that is all."""
    first = bytearray()
    for piece in pieces:
        first += piece
        if len(first) >= at_least:
            return bytes(first), False
    return bytes(first), True


class Handover:
    """The pieces that one thread reads and the client sends in another."""

    def __init__(self) -> None:
        self._queue: Queue[bytes | memoryview | BaseException | None] = Queue(_PIECES_AHEAD)

    def give_all(self, pieces: Iterable[bytes | memoryview], is_over: Callable[[], bool]) -> None:
        """Hand on each piece and then the end, until the client has failed."""
        for piece in chain(pieces, (None,)):
            while not self._is_given(piece):
                if is_over():
                    return

    def _is_given(self, piece: bytes | memoryview | None) -> bool:
        try:
            self._queue.put(piece, timeout=_LOOK_SECONDS)
        except Full:
            return False
        return True

    def cancel(self, error: BaseException) -> None:
        """Have the client drop what it has sent."""
        with suppress(Empty):
            while True:
                self._queue.get_nowait()
        self._queue.put(error)

    def __iter__(self) -> "Handover":
        return self

    def __next__(self) -> bytes | memoryview:
        match self._queue.get():
            case None:
                raise StopIteration
            case BaseException() as error:
                raise error
            case piece:
                return piece
