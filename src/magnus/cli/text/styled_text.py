"""Lines of styled text on a terminal: whether they are coloured, and how they are cut and wrapped. Used by tables and trees."""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from magnus.app.text.columns import prefix, width
from magnus.app.text.palette import Style, coloured

Piece: TypeAlias = tuple[str, Style]
"""Text on one line, and its style on a terminal."""

_ELLIPSIS = "…"


def terminal_width() -> int:
    """The columns of the terminal."""
    return shutil.get_terminal_size((80, 24)).columns


def has_colour() -> bool:
    """Whether standard output is a terminal with colours; NO_COLOR (no-color.org) and TERM are read."""
    environment = os.environ
    return (
        sys.stdout.isatty()
        and not environment.get("NO_COLOR")
        and environment.get("TERM", "") not in {"dumb", "unknown"}
    )


def line_of(pieces: Iterable[Piece], *, colour: bool) -> str:
    """The pieces as one text."""
    return "".join(coloured(text, style, colour=colour) for text, style in pieces)


def width_of(pieces: Iterable[Piece]) -> int:
    """The number of columns that the pieces take."""
    return sum(width(text) for text, _ in pieces)


def cut(pieces: Sequence[Piece], columns: int) -> Sequence[Piece]:
    """The pieces, with an ellipsis for the end that does not fit into the columns."""
    if width_of(pieces) <= columns:
        return pieces
    taken: list[Piece] = []
    room = columns - len(_ELLIPSIS)
    for text, style in pieces:
        beginning = prefix(text, room)
        room -= width(beginning)
        if beginning != text:
            return [*taken, (beginning + _ELLIPSIS, style)]
        taken.append((text, style))
    return taken


def wrapped(pieces: Sequence[Piece], columns: int) -> Iterator[Sequence[Piece]]:
    """Lines of at most so many columns, broken at spaces; a word that is longer than a line is broken too."""
    for start, stop in _lines("".join(text for text, _ in pieces), max(columns, 1)):
        yield list(_between(pieces, start, stop))


def _lines(text: str, columns: int) -> Iterator[tuple[int, int]]:
    """Where each line starts and ends; the spaces between two lines are in neither."""
    start = 0
    while True:
        # Characters without a width count as text: a line holds at most twice as many characters as columns.
        stop = start + max(1, len(prefix(text[start : start + 2 * columns], columns)))
        if stop < len(text) and text[stop] != " ":
            space = text.rfind(" ", start + 1, stop)
            stop = stop if space < 0 else space
        end = start + len(text[start:stop].rstrip(" "))
        yield start, end
        start = stop
        while start < len(text) and text[start] == " ":
            start += 1
        if start >= len(text):
            return


def _between(pieces: Iterable[Piece], start: int, stop: int) -> Iterator[Piece]:
    """The part of the pieces from one character of their text to another."""
    for text, style in pieces:
        if part := text[max(start, 0) : max(stop, 0)]:
            yield part, style
        start -= len(text)
        stop -= len(text)
