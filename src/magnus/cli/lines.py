"""Lines of text with styles: coloured and cut to the width of a terminal, plain in files and pipes. Used by modules that draw trees."""

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Piece: TypeAlias = tuple[str, str]
"""Text on one line, and its style on a terminal."""


class Line(Struct, frozen=True):
    """Pieces behind a margin. On a terminal that is too narrow they are cut, or wrapped behind the margin `wraps`."""

    margin: str
    pieces: tuple[Piece, ...]
    wraps: bool = False


def printed(lines: Iterable[Line]) -> Iterator[str]:
    """The lines as text, each with its newline."""
    if sys.stdout.isatty():
        yield from _drawn(lines)
    else:
        for line in lines:
            yield f"{line.margin}{''.join(text for text, _ in line.pieces)}".rstrip() + "\n"


def _drawn(lines: Iterable[Line]) -> Iterator[str]:
    from rich.console import Console  # lazy: terminals alone

    console = Console(highlight=False)
    for line in lines:
        with console.capture() as captured:
            for text in _fitting(line, console):
                console.print(text, no_wrap=True, overflow="ellipsis")
        yield captured.get()


def _fitting(line: Line, console: "Console") -> "Iterator[Text]":
    from rich.text import Text  # lazy: as above

    content = Text.assemble(*line.pieces, end="")
    room = console.width - len(line.margin)
    parts = content.wrap(console, room) if line.wraps and room > 0 else [content]
    for part in parts:
        part.rstrip()
        yield Text.assemble((line.margin, "dim"), part)
