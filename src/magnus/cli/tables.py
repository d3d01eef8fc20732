"""A table as text: drawn by rich, which is loaded for it, where standard output is a terminal, else plain columns."""

import sys
from collections.abc import Sequence

Row = Sequence[str]


def table(headings: Row, rows: Sequence[Row]) -> str:
    """The rows under their headings, ending with a newline. No cell is read as markup, and each stays on its line."""
    cells = [[_on_one_line(cell) for cell in row] for row in rows]
    return _drawn(headings, cells) if sys.stdout.isatty() else _plain([headings, *cells])


def table_plain(headings: Row, rows: Sequence[Row]) -> str:
    """The same in plain columns, also on a terminal."""
    return _plain([headings, *([_on_one_line(cell) for cell in row] for row in rows)])


def _on_one_line(cell: str) -> str:
    return cell if cell.isprintable() else repr(cell)[1:-1]


def _plain(rows: Sequence[Row]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _drawn(headings: Row, rows: Sequence[Row]) -> str:
    from rich.box import SIMPLE_HEAD  # lazy: terminals alone
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        drawn.add_column(Text(heading), overflow="fold")
    for row in rows:
        drawn.add_row(*map(Text, row))
    console = Console(highlight=False)
    with console.capture() as captured:
        console.print(drawn)
    return captured.get()
