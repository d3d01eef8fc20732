"""Composites that one process runs with all their branches: `together: true` in an override, the same for every executor."""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from msgspec import Struct

from magnus.errors import Location, Problem
from magnus.graph.nodes import CompositeNode, Graph, Node, TaskNode, graphs_of

__all__ = ["Together", "TogetherOption"]


class TogetherOption(Protocol):
    """The options of an override that have `together: bool = False` among them."""

    @property
    def together(self) -> bool:
        """Whether one process runs a composite that names the override, with all its branches."""
        ...


class Together(Struct, frozen=True):
    """The overrides with `together: true`.

    Attributes:
        executor: the type under `executor:` of the configuration, by which steps name overrides.
        overrides: the names of the overrides.
    """

    executor: str
    overrides: frozenset[str] = frozenset()

    @classmethod
    def of(cls, executor: str, overrides: Mapping[str, TogetherOption]) -> "Together":
        """The value for the `overrides` of an executor's options."""
        return cls(executor, frozenset(name for name, options in overrides.items() if options.together))

    def runs(self, node: Node) -> bool:
        """Whether one process runs the node with all its branches. The node itself names the override."""
        return isinstance(node, CompositeNode) and self._override(node) in self.overrides

    def problems(self, graph: Graph, locate_step: Callable[[Node, str], Location | None]) -> Iterator[Problem]:
        """An error for each task that names such an override, a warning for each override without effect."""
        return self._problems(graph, locate_step, "")

    def _problems(
        self, graph: Graph, locate_step: Callable[[Node, str], Location | None], around: str
    ) -> Iterator[Problem]:
        """The problems of a (sub)pipeline; `around` is the step whose process runs it."""
        for node in graph.nodes.values():
            name = self._override(node)
            where = locate_step(node, "overrides")
            if name and around:
                message = f"'{node.name}' runs in the process of '{around}', so its override '{name}' has no effect"
                yield Problem(message, "leave it out", where, node.name, severity="warning")
            elif isinstance(node, TaskNode) and name in self.overrides:
                message = f"'{node.name}' has no branches, and its override '{name}' has 'together: true'"
                yield Problem(message, "name this override at a step with branches", where, node.name)
            for inner in graphs_of(node) if isinstance(node, CompositeNode) else ():
                yield from self._problems(inner, locate_step, around or (node.name if self.runs(node) else ""))

    def _override(self, node: Node) -> str:
        return node.overrides.get(self.executor, "") if isinstance(node, TaskNode | CompositeNode) else ""
