"""A pipeline drawn as a tree, as `magnus graph` prints it: in colour where standard output is a terminal."""

from collections.abc import Callable
from typing import Final

from magnus.app.draw.tree import ASCII, UNICODE, tree
from magnus.app.text.palette import Style
from magnus.cli.text.styled_text import has_colour, line_of, terminal_width
from magnus.graph.nodes import Graph

_STYLES: Final = {
    "frame": Style.QUIET,
    "name": Style.STRONG,
    "kind": Style.BUSY,
    "detail": Style.QUIET,
    "branch": Style.BRANCH,
    "next": Style.NEXT,
    "failure": Style.BAD,
    "warning": Style.CAREFUL,
}
"""The styles of the roles of `app.draw.tree`."""


def pipeline_tree(graph: Graph, name: str, can_show: Callable[[str], bool]) -> str:
    """The tree under the name, ending with a newline; `can_show` tells whether the terminal has the characters."""
    signs = UNICODE if can_show("├─└│→✗…") else ASCII
    colour = has_colour()
    lines = (
        line_of([(span.text, _STYLES.get(span.role, Style.PLAIN)) for span in line], colour=colour)
        for line in tree(graph, name, columns=terminal_width(), signs=signs)
    )
    return "".join(f"{line.rstrip()}\n" for line in lines)
