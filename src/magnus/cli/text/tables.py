"""A table as text: fitted to the terminal where standard output is one, else in plain columns."""

import sys
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final, TypeAlias

from magnus.app.text.columns import width
from magnus.app.text.palette import Style
from magnus.app.text.plain_text import plain
from magnus.cli.text import styled_text
from magnus.cli.text.styled_text import Piece, has_colour, line_of, terminal_width, width_of

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
        [styled_text.cut([piece], width)] if is_cut else list(styled_text.wrapped([piece], width))
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
