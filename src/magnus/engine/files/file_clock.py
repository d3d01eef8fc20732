"""The clock that file systems take times from. Made by `engine.context`, so that a put leaves out untouched files."""

import sys
import time
from typing import Final

_CLOCK_REALTIME_COARSE: Final = 5  # of linux/time.h; Python has no name for it


class FileClock:
    """Tells files that were there before a step from those it touched, by the clock that file systems take times from.

    That clock advances in steps of a few milliseconds. A step that may share files with siblings starts in another tick
    than the last put of this process, so that the same time never means both.
    """

    def __init__(self) -> None:
        self._last_put = 0

    def start(self) -> int:
        """The time in nanoseconds since 1970 before which a file was changed that the step does not touch."""
        while (now := _file_time()) <= self._last_put:
            time.sleep(0.001)
        return now

    def note_put(self) -> None:
        """A step of this process has put files."""
        self._last_put = time.time_ns()


def _file_time() -> int:
    if sys.platform == "linux":  # others take file times from the precise clock
        return time.clock_gettime_ns(_CLOCK_REALTIME_COARSE)
    return time.time_ns()
