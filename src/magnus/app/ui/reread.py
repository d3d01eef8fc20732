"""Keeps a value that is read again when it is old, for any number of readers."""

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Final, Generic, TypeVar

_FRESH_SECONDS: Final = 0.5
_SHARE: Final = 10
"""Reading takes at most one part in so many of the time."""

ValueT = TypeVar("ValueT")


class Reread(Generic[ValueT]):
    """A value that was read at most half a second ago, or ten times as long ago as its reading takes.

    Readers wait while another one reads. An error of reading is not kept.
    """

    def __init__(self, read: Callable[[], ValueT], clock: Callable[[], float] = monotonic) -> None:
        self._read = read
        self._clock = clock
        self._lock = Lock()
        self._value: ValueT | None = None
        self._fresh_until = float("-inf")

    def value(self) -> ValueT:
        """The value."""
        with self._lock:
            start = self._clock()
            if self._value is None or start >= self._fresh_until:
                self._value = self._read()
                end = self._clock()
                self._fresh_until = end + max(_FRESH_SECONDS, _SHARE * (end - start))
            return self._value
