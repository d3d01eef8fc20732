"""The colours of states, one palette for terminals and notebooks."""

from enum import Enum
from typing import Final


class Style(Enum):
    """The meaning of a piece of a line; the value is its colour in SGR (ECMA-48)."""

    PLAIN = ""
    GOOD = "32"
    BAD = "1;31"
    BUSY = "36"
    CAREFUL = "33"
    QUIET = "2"
    STRONG = "1"
    BRANCH = "35"
    NEXT = "34"


HTML: Final = {Style.GOOD: "#2e9e4f", Style.BAD: "#d9453c", Style.BUSY: "#3b82d6", Style.CAREFUL: "#c0840c"}
"""The colours of states on pages, light or dark."""

_OF_STATUSES: Final = {"SUCCESS": Style.GOOD, "FAIL": Style.BAD, "DAMAGED": Style.BAD, "LOST": Style.CAREFUL}


def style_of(status: str) -> Style:
    """The style of a run, step or branch of this status; one that has not finished is busy."""
    return _OF_STATUSES.get(status, Style.BUSY)


def coloured(text: str, style: Style, *, colour: bool) -> str:
    """The text in the colour of the style, for a terminal."""
    return f"\x1b[{style.value}m{text}\x1b[0m" if colour and text and style is not Style.PLAIN else text
