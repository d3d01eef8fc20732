"""Draws the pipeline of a report, with the status of each step, in the directions that a window may have room for."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from magnus.app.draw import labels
from magnus.app.draw.data_names import DataNames
from magnus.app.draw.svg import Mark, svg
from magnus.app.report.model import Drawing, Row
from magnus.graph.nodes import CompositeNode, Graph
from magnus.graph.path import BranchPath, StepPath
from magnus.run_log.records import RunHealth, Status

_REUSED: Final = "REUSED"
_LOOKS: Final = {
    Status.FAIL.value: ("failed", "failed"),
    RunHealth.LOST.value: ("lost", "lost"),
    Status.PROCESSING.value: ("running", "running"),
    Status.SUCCESS.value: ("succeeded", "succeeded"),
    _REUSED: ("reused", "reused"),
}
"""For each status, the class of a step in the picture and the word for it; the worst comes first."""


_MOST_BYTES: Final = 120_000


def drawings(
    graph: Graph,
    steps: Mapping[StepPath, Sequence[Row]],
    ends: AbstractSet[StepPath],
    data: Mapping[StepPath, DataNames],
) -> list[Drawing]:
    """The pictures, without their style: the first one always, others as far as they are small.

    `steps` are the rows of each step of the picture, `ends` the terminal steps that were reached, `data` the names of the
    data that left steps.
    """
    marks = {path: _mark(rows) for path, rows in steps.items()}
    marks |= {path: Mark("waiting") for path in _paths(graph, BranchPath()) if path not in marks and path not in ends}
    made: list[Drawing] = []
    remaining = _MOST_BYTES
    for with_data in (False, True) if data else (False,):
        for across in (False, True):
            if made and remaining < len(made[0].svg):
                return made
            picture = svg(graph, marks, data=data if with_data else None, across=across, with_style=False)
            remaining -= len(picture)
            made.append(Drawing(picture, across, with_data))
    return made


def _mark(rows: Sequence[Row]) -> Mark:
    counts = Counter(_REUSED if row.reused else row.status for row in rows)
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
