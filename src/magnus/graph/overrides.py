"""Finds the executor options that a step names. Pure."""

from magnus.graph.nodes import Graph
from magnus.graph.path import StepPath


def override_of(graph: Graph, kind: str, path: StepPath) -> str:
    """The overrides for executors of the type `kind` that the step names, or the nearest around it that names any."""
    override = ""
    for length in range(1, len(path.parts) + 1, 2):
        node = graph.step(StepPath(path.parts[:length]))
        override = getattr(node, "overrides", {}).get(kind, override)
    return override
