"""Lines of styled text and tables: coloured and fitted to a terminal where standard output is one, else plain."""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Final, TypeAlias

from magnus.app.text.columns import prefix, width
from magnus.app.text.palette import Style, coloured
from magnus.app.text.plain_text import plain

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


Cell: TypeAlias = str | Piece
"""Text, or text and the style it has on a terminal."""
Row: TypeAlias = Sequence[Cell]

_GAP: Final = 2
_NARROWEST: Final = 4


def table(headings: Sequence[str], rows: Sequence[Row], *, cut: Sequence[Sequence[int]] = ()) -> str:
    """The rows under their headings, ending with a newline. Each cell stays on its line.

    On a terminal that is too narrow the columns `cut` (by number, from 0) end with an ellipsis, the columns of the
    first group before others; without such columns text is wrapped.
    """
    styled = [[(cell, Style.PLAIN) if isinstance(cell, str) else cell for cell in row] for row in rows]
    pieces = [[(plain(text), style) for text, style in row] for row in styled]
    if not sys.stdout.isatty():
        return _plain([headings, *([text for text, _ in row] for row in pieces)])
    return _drawn([[(heading, Style.STRONG) for heading in headings], *pieces], cut)


def table_plain(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The same in plain columns, also on a terminal."""
    return _plain([headings, *([plain(cell) for cell in row] for row in rows)])


def _plain(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _drawn(rows: Sequence[Sequence[Piece]], cut: Sequence[Sequence[int]]) -> str:
    """The rows, of which the first has the headings."""
    headings, *others = rows
    widths = _widths(rows, cut or [range(len(headings))], terminal_width())
    rule = "─" * (sum(widths) + _GAP * (len(widths) - 1))
    lines = [*_row(headings, widths, is_cut=bool(cut)), rule]
    for row in others:
        lines += _row(row, widths, is_cut=bool(cut))
    return "".join(f"{line}\n" for line in lines)


def _row(row: Sequence[Piece], widths: Sequence[int], *, is_cut: bool) -> Iterator[str]:
    """The lines of one row, with its cells cut or wrapped to their widths."""
    cells = [
        [cut([piece], width)] if is_cut else list(wrapped([piece], width))
        for piece, width in zip(row, widths, strict=True)
    ]
    colour = has_colour()
    for line in zip_longest(*cells, fillvalue=()):
        padded = (
            line_of(pieces, colour=colour) + " " * (width - width_of(pieces))
            for pieces, width in zip(line, widths, strict=True)
        )
        yield (" " * _GAP).join(padded).rstrip()


def _widths(rows: Sequence[Sequence[Piece]], cut: Sequence[Sequence[int]], room: int) -> Sequence[int]:
    """The widths of the columns: the width of their texts; the widest of the columns to cut are narrowed until the table fits."""
    widths = [max(width(text) for text, _ in column) for column in zip(*rows, strict=True)]
    too_much = sum(widths) + _GAP * (len(widths) - 1) - room
    for group in cut:
        while too_much > 0 and any(widths[column] > _NARROWEST for column in group):
            widths[max(group, key=lambda column: widths[column])] -= 1
            too_much -= 1
    return widths
