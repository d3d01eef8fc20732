"""The characters of a tree on a terminal, and the room for it."""

from typing import Final, TypeAlias

from msgspec import Struct

from magnus.app.text.columns import clip, width
from magnus.app.text.palette import Style, coloured


class Glyphs(Struct, frozen=True):
    """The characters for states; `spinner` has one for each moment."""

    done: str = "✓"
    reused: str = "○"
    failed: str = "✗"
    stopped: str = "■"
    spinner: str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
    bar: str = "━"
    rest: str = "─"
    ellipsis: str = "…"


ASCII: Final = Glyphs("+", "o", "x", "#", "|/-\\", "=", "-", "...")
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
    made, left = "", look.columns
    for text, style in pieces:
        shown = clip(text, left, look.glyphs.ellipsis)
        made += coloured(shown, style, colour=look.colour)
        left -= width(shown)
        if shown != text:
            break
    return made
