"""The picture of the pipeline of a run, with what became of each step; of a map, what became of all branches. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from magnus.app.draw import labels
from magnus.app.draw.svg import Mark, svg
from magnus.app.report.model import Row
from magnus.graph.graph import Graph
from magnus.graph.nodes import CompositeNode
from magnus.graph.path import BranchPath, StepPath
from magnus.run_log.records import Status
from magnus.run_log.summary import Gone

_TAKEN: Final = "TAKEN"
_LOOKS: Final = {
    Status.FAIL.value: ("failed", "failed"),
    Gone.LOST.value: ("lost", "lost"),
    Status.PROCESSING.value: ("running", "running"),
    Status.SUCCESS.value: ("succeeded", "succeeded"),
    _TAKEN: ("reused", "taken over"),
}
"""For each status, the class of a step in the picture and the word for it; the worst comes first."""


def picture(graph: Graph, steps: Mapping[StepPath, Sequence[Row]], ends: AbstractSet[StepPath]) -> str:
    """The SVG, without its style. `steps` are the rows of each step of the picture, `ends` the terminal ones reached."""
    marks = {path: _mark(rows) for path, rows in steps.items()}
    marks |= {path: Mark("waiting") for path in _paths(graph, BranchPath()) if path not in marks and path not in ends}
    return svg(graph, marks, with_style=False)


def _mark(rows: Sequence[Row]) -> Mark:
    counts = Counter(_TAKEN if row.taken_over else row.status for row in rows)
    classes = next((css for look, (css, _) in _LOOKS.items() if counts[look]), "waiting")
    if len(rows) > 1:
        return Mark(
            classes, ", ".join(f"{counts[look]:,} {word}" for look, (_, word) in _LOOKS.items() if counts[look])
        )
    attempts = len(rows[0].attempts)
    return Mark(classes, f"{attempts} attempts" if attempts > 1 else "")


def _paths(graph: Graph, branch: BranchPath) -> Iterator[StepPath]:
    """Every step of the picture."""
    for name, node in graph.nodes.items():
        path = branch.step(name)
        yield path
        if isinstance(node, CompositeNode):
            for inner in labels.branches(node, path):
                yield from _paths(inner.graph, inner.path)
