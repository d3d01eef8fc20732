"""The boxes, panels and lines of a picture with their places, and the width of drawn text, from a table without a font."""

import unicodedata
from functools import lru_cache
from typing import Final

from msgspec import Struct

from magnus.graph.nodes import Node
from magnus.graph.path import StepPath

PADDING: Final = 12.0


class Text(Struct, frozen=True):
    """A line of text as it is drawn, and in full."""

    drawn: str
    full: str


class Panel(Struct, frozen=True):
    """A branch inside a composite: its title, its place in the composite, and its layout; `framed` draws its outline."""

    title: Text
    x: float
    y: float
    width: float
    height: float
    inside: "Layout"
    framed: bool = True

    @property
    def padding(self) -> float:
        """The room between its outline and its content."""
        return PADDING if self.framed else 0.0


class Box(Struct, frozen=True):
    """A step: its place in its (sub)pipeline, its texts ("" for none), its branches, and the data that leave it."""

    path: StepPath
    node: Node
    x: float
    y: float
    width: float
    height: float
    name: Text
    detail: Text
    label: Text
    panels: tuple[Panel, ...] = ()
    data: tuple[Text, ...] = ()


class Line(Struct, frozen=True):
    """A piece of an edge: straight from `start` down to `bend`, a curve to `landing`, straight down to `end`.

    Where there are `turns`, it runs straight from one to the next in the place of the curve. If it runs `across`, "down" is to
    the right: the first of two numbers is its distance from the top, the second from the left.
    """

    start: tuple[float, float]
    bend: float
    landing: tuple[float, float]
    end: float
    failure: bool
    arrow: bool
    turns: tuple[tuple[float, float], ...] = ()
    across: bool = False


class Layout(Struct, frozen=True):
    """A (sub)pipeline with everything in its place, measured from its own upper left corner.

    It runs from above to below, or `across` from the left to the right.
    """

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    across: bool = False


FONT: Final = "Helvetica, Arial, 'Liberation Sans', sans-serif"

_PRINTABLE: Final = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
)  # fmt: skip
"""The advance widths of Helvetica for the characters from space to tilde, in thousandths of the size of the font."""

_OTHER: Final = 700
_WIDE: Final = 1000
_MARGIN: Final = 1.17  # DejaVu Sans, which stands in where there is no Helvetica, is that much wider
_BOLD_MARGIN: Final = 1.29
ELLIPSIS: Final = "…"


@lru_cache(maxsize=4096)
def width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of the text at that size of the font, in the unit of the size; an upper estimate."""
    return sum(map(_of_character, text)) / 1000 * size * (_BOLD_MARGIN if bold else _MARGIN)


def shortened(text: str, size: float, most: float, *, bold: bool = False) -> str:
    """The text, or as much of it as fits into `most` with an ellipsis for the rest."""
    if width(text, size, bold=bold) <= most:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width(text[:middle].rstrip() + ELLIPSIS, size, bold=bold) <= most:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + ELLIPSIS


def _of_character(character: str) -> int:
    position = ord(character) - 32
    if 0 <= position < len(_PRINTABLE):
        return _PRINTABLE[position]
    if unicodedata.combining(character):
        return 0
    return _WIDE if unicodedata.east_asian_width(character) in "WF" or position > 0x1F000 else _OTHER
