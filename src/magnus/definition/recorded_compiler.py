"""Compiles the pipeline of an existing run, which was checked when the run was created. Used by `loader`.

Most processes of such a run need one step of it. So a node is made when it is read, and the structure is not checked again.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import overload

from msgspec.structs import replace

from magnus.definition.compiler import Compiler, StepPlace, named_graph, raise_if_any
from magnus.definition.step_outlines import outlines
from magnus.definition.written_pipeline import WrittenPipeline
from magnus.graph.nodes import CompositeNode, Graph, Node, TaskNode, TerminalNode, graphs_of
from magnus.graph.structure import CheckedNodes, Outline


class RecordedCompiler(Compiler):
    """Compiles as `Compiler` does, each step when its node is read; InvalidDefinition then if this process cannot read it."""

    def graph(self, written: WrittenPipeline, what: str) -> Graph | None:  # noqa: ARG002 - nothing is wrong with it
        """The graph of the pipeline; None if a step with pipelines, or of another package, cannot be read here."""
        before = len(self.problems)
        if "cache" in written.value:
            written = replace(written, cache=self._cache(written))
        steps = self._with_terminals(self._steps(written), written)
        if len(self.problems) > before:
            return None
        return named_graph(written.start_at(), CheckedNodes(steps, partial(self._made, steps, written)), written)

    def _steps(self, written: WrittenPipeline) -> dict[str, Outline]:
        """The steps in order, as nodes where an outline does not do."""
        fields = written.value["steps"]
        outlined = outlines(fields)
        if len(outlined) == len(fields):
            return outlined
        steps: dict[str, Outline] = {}
        for name in fields:
            steps |= {name: outlined[name]} if name in outlined else self._nodes({name: fields[name]}, written)
        return steps

    def _made(self, steps: Mapping[str, Outline], written: WrittenPipeline, name: str) -> Node:
        step = steps[name]
        if isinstance(step, TaskNode | CompositeNode | TerminalNode):
            return step
        before = len(self.problems)
        node = self._node(name, written.value["steps"][name], written)
        raise_if_any(self.problems[before:])
        return node


class RecordedSteps(Sequence[StepPlace]):
    """All tasks and composites of the graph with their places. To read them makes all nodes."""

    def __init__(self, graph: Graph, made: Sequence[StepPlace]) -> None:
        self._graph = graph
        self._made = made

    def made_with(self, name: str) -> Sequence[StepPlace]:
        """The steps that are made already, with the step of this name outside branches and all steps in it."""
        _make_all(self._graph.nodes[name])
        return self._made

    @overload
    def __getitem__(self, index: int) -> StepPlace: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[StepPlace]: ...
    def __getitem__(self, index: int | slice) -> StepPlace | Sequence[StepPlace]:
        return self._all()[index]

    def __iter__(self) -> Iterator[StepPlace]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> Sequence[StepPlace]:
        for node in self._graph.nodes.values():
            _make_all(node)
        return self._made


def steps_of(steps: Sequence[StepPlace], name: str) -> Sequence[StepPlace]:
    """Of the steps of a pipeline the one of this name outside branches, and the steps in it."""
    made = steps.made_with(name) if isinstance(steps, RecordedSteps) else steps
    return [place for place in made if place.step == name or place.step.startswith(f"{name}/")]


def _make_all(node: Node) -> None:
    """Make the nodes in the node."""
    if isinstance(node, CompositeNode):
        for graph in graphs_of(node):
            for inner in graph.nodes.values():
                _make_all(inner)
