"""A table as text: drawn by rich, which is loaded for it, where standard output is a terminal, else plain columns."""

import sys
from collections.abc import Sequence
from typing import Final, TypeAlias

from magnus.app.text.plain_text import plain

Cell: TypeAlias = str | tuple[str, str]
"""Text, or text and the style it has on a terminal."""
Row: TypeAlias = Sequence[Cell]

_GAP: Final = 2
_NARROWEST: Final = 4


def table(headings: Sequence[str], rows: Sequence[Row], *, cut: Sequence[Sequence[int]] = ()) -> str:
    """The rows under their headings, ending with a newline. No cell is read as markup, and each stays on its line.

    On a terminal that is too narrow the columns `cut` (by number, from 0) end with an ellipsis, the columns of the
    first group before others; without such columns text is wrapped.
    """
    texts = [[plain(cell if isinstance(cell, str) else cell[0]) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        return _plain([headings, *texts])
    styles = [["" if isinstance(cell, str) else cell[1] for cell in row] for row in rows]
    return _drawn(headings, texts, styles, cut)


def table_plain(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The same in plain columns, also on a terminal."""
    return _plain([headings, *([plain(cell) for cell in row] for row in rows)])


def _plain(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _drawn(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Sequence[Sequence[str]],
    cut: Sequence[Sequence[int]],
) -> str:
    from rich.box import SIMPLE_HEAD  # lazy: terminals alone
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    widths = _widths([headings, *rows], cut, console.width) if cut else [None] * len(headings)
    drawn = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for heading, width in zip(headings, widths, strict=True):
        drawn.add_column(Text(heading), overflow="ellipsis" if cut else "fold", no_wrap=bool(cut), width=width)
    for row, row_styles in zip(rows, styles, strict=True):
        drawn.add_row(*(Text(text, style=style) for text, style in zip(row, row_styles, strict=True)))
    with console.capture() as captured:
        console.print(drawn)
    return captured.get()


def _widths(rows: Sequence[Sequence[str]], cut: Sequence[Sequence[int]], room: int) -> list[int | None]:
    """The widths of the columns: the width of their texts; the widest of the columns to cut are narrowed until the table fits."""
    from rich.cells import cell_len  # lazy: terminals alone

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    too_much = sum(widths) + _GAP * (len(widths) - 1) - room
    for group in cut:
        while too_much > 0 and any(widths[column] > _NARROWEST for column in group):
            widths[max(group, key=lambda column: widths[column])] -= 1
            too_much -= 1
    return list(widths)
