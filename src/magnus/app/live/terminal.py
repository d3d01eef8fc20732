"""A live tree on the terminal that a descriptor is."""

import os
from collections.abc import Callable
from contextlib import suppress

from magnus.app.live.look import ASCII, Glyphs, Look
from magnus.app.live.reporter import Live
from magnus.app.live.screen import Screen, onto
from magnus.app.progress import ShowOutput

_TAIL_LINES = 5
_FEWEST_ROWS = 10


def live_on(descriptor: int, *, colour: bool, unicode: bool, output: ShowOutput, waits_to_stay: bool) -> Live:
    """A reporter that paints there; the descriptor is to stay open as long."""
    glyphs = Glyphs() if unicode else ASCII
    tail_lines = _TAIL_LINES if output == "tail" else 0

    def look() -> Look:
        size = size_of(descriptor)
        rows = max(min(size.lines - 1, _FEWEST_ROWS), size.lines * 2 // 3)  # the rest is for what steps print
        return Look(size.columns - 1, rows, colour, glyphs, tail_lines)

    screen = Screen(onto(descriptor), lambda: size_of(descriptor).columns)
    return Live(screen, look, is_in_front=_is_in_front(descriptor), output=output, waits_to_stay=waits_to_stay)


def size_of(descriptor: int) -> os.terminal_size:
    """The size of the terminal; 80 columns and 24 lines where it does not say."""
    size = os.terminal_size((0, 0))
    with suppress(OSError):
        size = os.get_terminal_size(descriptor)
    return os.terminal_size((size.columns or 80, size.lines or 24))


def _is_in_front(descriptor: int) -> Callable[[], bool]:
    """Whether this process has the terminal; another one may have it after `bg`, and is not painted over."""

    def is_in_front() -> bool:
        try:
            return os.tcgetpgrp(descriptor) == os.getpgrp()
        except OSError:  # it controls no session
            return True

    return is_in_front
