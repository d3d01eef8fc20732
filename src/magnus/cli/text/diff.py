"""A Difference as text for a terminal, coloured where that has colours."""

from collections.abc import Iterator

from magnus.app.compare import lines as compared
from magnus.app.compare.model import Difference
from magnus.cli.text.styled_text import has_colour, line_of


def lines(difference: Difference) -> Iterator[str]:
    """The text, in lines that end as lines do."""
    colour = has_colour()
    for pieces in compared.lines(difference):
        yield f"{line_of(pieces, colour=colour).rstrip()}\n"
