"""A pipeline as HTML for a notebook: its picture in the theme of the page, or its first lines if it is large."""

from itertools import islice
from typing import Final

from magnus.app.draw.labels import all_steps
from magnus.app.draw.style import notebook_style
from magnus.app.draw.svg import svg
from magnus.app.draw.tree import tree
from magnus.app.text import html
from magnus.app.text.palette import Style
from magnus.graph.nodes import Graph

_MOST_STEPS: Final = 150
_MOST_LINES: Final = 60


def picture(graph: Graph) -> str:
    """The picture of the pipeline; of a large one the start of its tree, which stays small."""
    if sum(1 for _ in islice(all_steps(graph), _MOST_STEPS + 1)) <= _MOST_STEPS:
        return f'<style>{notebook_style()}</style><div style="overflow-x:auto">{svg(graph, with_style=False)}</div>'
    lines = list(tree(graph, graph.name or "pipeline"))
    shown = [[("".join(span.text for span in line), Style.PLAIN)] for line in lines[:_MOST_LINES]]
    more = f"<div>and {len(lines) - _MOST_LINES} more lines</div>" if len(lines) > _MOST_LINES else ""
    return html.lines(shown) + more
