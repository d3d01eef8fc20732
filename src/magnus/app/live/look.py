"""What a tree is made of on a terminal: characters, colours, and how much of it there is room for."""

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
"""Where the terminal has no others."""


class Look(Struct, frozen=True):
    """How a tree is to look.

    Attributes:
        columns, rows: the room there is for it.
        tail_lines: how many lines of what a running step prints stand below it; with 0 the last one stands beside it.
    """

    columns: int = 80
    rows: int = 24
    colour: bool = False
    glyphs: Glyphs = Glyphs()
    tail_lines: int = 0


Piece: TypeAlias = tuple[str, Style]


def line(pieces: list[Piece], look: Look) -> str:
    """The pieces side by side, cut where there is no more room."""
    made, left = "", look.columns
    for text, style in pieces:
        shown = clip(text, left, look.glyphs.ellipsis)
        made += coloured(shown, style, colour=look.colour)
        left -= width(shown)
        if shown != text:
            break
    return made
