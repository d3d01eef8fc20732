"""Repairs a graph with a wrong structure, so that the rest of the pipeline can be checked and drawn. Pure.

The result is never run. If the step after a step is unknown, a task without facts stands between it and the first step
that nothing leads to. Called by `definition.compiler`.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from magnus.graph.nodes import Graph, Node, TaskNode, TaskSpec, TerminalNode
from magnus.graph.structure import NOWHERE, TERMINAL_TYPES
from magnus.suggest import near


class Sketch(Graph, frozen=True):
    """A graph that may hold names that no step may have."""

    def __post_init__(self) -> None:
        """Nothing is refused."""


class RepairedGraph(Struct, frozen=True):
    """The graph, and whether the target of every edge is certain."""

    graph: Graph
    is_certain: bool


def placeholder(name: str, following: str = NOWHERE, on_failure: str | None = None) -> TaskNode:
    """A task without facts, in place of a step that cannot be read."""
    return TaskNode(name, TaskSpec(""), following, on_failure)


def repaired(start_at: str, nodes: Mapping[str, Node]) -> RepairedGraph:
    """A graph of the nodes in which every step leads somewhere, to an end at last."""
    ends = {succeeds: _end(nodes, succeeds=succeeds) for succeeds in (True, False)}
    alias = {name: ends[node.succeeds].name for name, node in nodes.items() if isinstance(node, TerminalNode)}
    steps = {name: node for name, node in nodes.items() if not isinstance(node, TerminalNode)}

    names = [*nodes, *(end.name for end in ends.values())]

    def target_of(target: str, name: str = "") -> str:
        name_of_target = target if target in names else near(target, [other for other in names if other != name])
        return alias.get(name_of_target, name_of_target)

    leading = {name: [(field, target_of(target, name)) for field, target in node.edges] for name, node in steps.items()}
    start = target_of(start_at)
    _without_cycles(start, leading, ends[True].name)
    gaps = _Gaps(steps, start, leading, ends[True].name)
    start = start or gaps.lead_on(None)
    for name in steps:
        leading[name] = [(field, target or gaps.lead_on(name)) for field, target in leading[name]]
    whole = {name: _leading(node, leading[name]) for name, node in steps.items()}
    graph = Sketch(start, {**whole, **gaps.nodes, **{end.name: end for end in ends.values()}})
    return RepairedGraph(graph, is_certain=not gaps.nodes)


def _end(nodes: Mapping[str, Node], *, succeeds: bool) -> TerminalNode:
    """The first end of the kind, or a new one under a name that is free."""
    for node in nodes.values():
        if isinstance(node, TerminalNode) and node.succeeds is succeeds:
            return node
    return TerminalNode(_free(TERMINAL_TYPES[succeeds], nodes), succeeds=succeeds)


def _free(name: str, names: Iterable[str]) -> str:
    while name in names:
        name += " "
    return name


def _leading(node: Node, leading: Iterable[tuple[str, str]]) -> Node:
    """The node with these edges; itself when it has them."""
    assert not isinstance(node, TerminalNode)
    changed = {field: target for field, target in leading if getattr(node, field) != target}
    return replace(node, **changed) if changed else node


class _Gaps:
    """Tasks without facts, between steps that lead nowhere and steps that nothing leads to."""

    def __init__(
        self, steps: Mapping[str, Node], start: str, leading: dict[str, list[tuple[str, str]]], end: str
    ) -> None:
        self._steps = steps
        self._end = end
        self._waiting = _roots(start, leading)
        self._leading = leading
        self.nodes: dict[str, Node] = {}

    def lead_on(self, name: str | None) -> str:
        """A new task that leads to the first step that nothing leads to, and that does not lead to the step `name`."""
        following = next(
            (root for root in self._waiting if name is None or name not in _reached(root, self._leading)), self._end
        )
        if following in self._waiting:
            self._waiting.remove(following)
        gap = _free("?", {**self._steps, **self.nodes})
        self.nodes[gap] = placeholder(gap, following)
        self._leading[gap] = [("next", following)]
        if name is not None:
            self._leading[name] = [*self._leading.get(name, ()), ("", gap)]
        return gap


def _roots(start: str, leading: Mapping[str, list[tuple[str, str]]]) -> list[str]:
    targets = {start, *(target for edges in leading.values() for _, target in edges)}
    return [name for name in leading if name not in targets]


def _reached(start: str, leading: Mapping[str, list[tuple[str, str]]]) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [target for _, target in leading.get(name, ())]
    return reached


def _without_cycles(start: str, leading: dict[str, list[tuple[str, str]]], end: str) -> None:
    """Let edges that close a cycle lead to the end; depth first from the start, then from every step."""
    finished: set[str] = set()
    for root in (start, *leading):
        trail: dict[str, Iterator[int]] = {}
        current = root if root in leading and root not in finished else ""
        while current or trail:
            if current:
                trail[current] = iter(range(len(leading[current])))
            name = next(reversed(trail))
            number = next(trail[name], None)
            current = ""
            if number is None:
                finished.add(name)
                del trail[name]
                continue
            field, target = leading[name][number]
            if target in trail:
                leading[name][number] = (field, end)
            elif target in leading and target not in finished:
                current = target
