"""The terminal of a tree: its characters and its room, and a frame of lines painted at its end again and again.

Text that stays is written above the frame. Terminal settings are never left changed after a write, and the cursor waits
below the frame. So nothing has to be restored when the process ends, and text that others type or print there does no harm.
"""

import os
import select
from collections.abc import Callable
from typing import Final, TypeAlias

from msgspec import Struct

from magnus.app.text.columns import clip, width
from magnus.app.text.escapes import harmless, without_escapes
from magnus.app.text.palette import Style, coloured


class Glyphs(Struct, frozen=True):
    """The characters for states; `spinner` has one for each moment."""

    done: str = "✓"
    reused: str = "○"
    failed: str = "✗"
    stopped: str = "■"
    waiting: str = "◌"
    spinner: str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
    bar: str = "━"
    rest: str = "─"
    ellipsis: str = "…"


ASCII: Final = Glyphs("+", "o", "x", "#", ".", "|/-\\", "=", "-", "...")
"""The characters for terminals without Unicode."""


class Look(Struct, frozen=True):
    """The look of a tree.

    Attributes:
        columns, rows: the room for it.
        tail_lines: the number of lines of output below a running step; with 0 the last line stands beside it.
    """

    columns: int = 80
    rows: int = 24
    colour: bool = False
    glyphs: Glyphs = Glyphs()
    tail_lines: int = 0


Piece: TypeAlias = tuple[str, Style]


def line(pieces: list[Piece], look: Look) -> str:
    """The pieces side by side, cut to the columns of the look."""
    made, columns_free = "", look.columns
    for text, style in pieces:
        shown = clip(text, columns_free, look.glyphs.ellipsis)
        made += coloured(shown, style, colour=look.colour)
        columns_free -= width(shown)
        if shown != text:
            break
    return made


_UP: Final = "\x1b[{}A"
_DELETE: Final = "\x1b[{}M"
_ERASE_BELOW: Final = "\x1b[J"
_ERASE_RIGHT: Final = "\x1b[K"
_NO_WRAPPING: Final = "\x1b[?7l"
_WRAPPING: Final = "\x1b[?7h"


class Screen:
    """The frame that is on the terminal now.

    Args:
        write: writes all of its bytes to the terminal.
        columns: gives the current number of columns of the terminal.
    """

    def __init__(self, write: Callable[[bytes], None], columns: Callable[[], int]) -> None:
        self._write = write
        self._columns = columns
        self._widths: list[int] = []
        self._is_forgotten = False

    def forget(self) -> None:
        """Paint the whole frame again, since another program used the terminal. May be called at any moment."""
        self._is_forgotten = True

    def show(self, above: bytes, frame: list[str]) -> None:
        """Write the text that stays, and the frame below it in place of the last one. OSError when the terminal is gone."""
        if self._is_forgotten:
            self._is_forgotten = False
            self._widths = []
        if not (above or frame or self._widths):
            return
        text = self._erasing(all_of_it=bool(above) or not frame).encode()
        if above:
            text += harmless(above)
        if frame:
            lines = "".join(f"{line}{_ERASE_RIGHT}\r\n" for line in frame)
            text += f"{_NO_WRAPPING}{lines}{_ERASE_BELOW}{_WRAPPING}".encode("utf-8", "backslashreplace")
        self._widths = [width(without_escapes(line)) for line in frame]
        self._write(text)

    def _erasing(self, *, all_of_it: bool) -> str:
        """Go to the start of the frame; terminals wrap its lines when they become narrower.

        Its lines are deleted, not erased: tmux keeps what is erased from the top of the screen on as history.
        """
        columns = max(self._columns(), 1)
        rows = sum(max(1, -(-taken // columns)) for taken in self._widths)
        up = "\r" + _UP.format(rows) if rows else ""
        return up + _DELETE.format(rows + 1) if all_of_it and rows else up


def onto(descriptor: int) -> Callable[[bytes], None]:
    """Writes to the descriptor, also where somebody has made it non-blocking."""

    def write(data: bytes) -> None:
        while data:
            try:
                data = data[os.write(descriptor, data) :]
            except BlockingIOError:
                select.select([], [descriptor], [], 1.0)

    return write
