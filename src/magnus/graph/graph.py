"""The graph of one (sub)pipeline: checked on construction, frozen, with its sub-graphs inside its composites."""

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from magnus.errors import InvalidDefinition, Problem
from magnus.graph.nodes import (
    ChosenBranch,
    CompositeNode,
    MappedBranches,
    Node,
    RepeatedBranch,
    StaticBranches,
    TaskNode,
    TerminalNode,
)
from magnus.graph.path import BranchPath, StepPath
from magnus.graph.structure import structure_problems


class Graph(Struct, frozen=True):
    """Steps by name, in the order they were written, and where to start.

    Raises InvalidDefinition on construction when the structure is faulty; the error carries every fault.
    """

    start_at: str
    nodes: Mapping[str, Node]
    name: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        problems = structure_problems(self.start_at, self.nodes)
        if problems:
            raise InvalidDefinition.of([Problem(p.message, p.fix, step=p.step) for p in problems])

    def terminal(self, *, succeeds: bool) -> TerminalNode:
        """The success or the fail step."""
        return next(n for n in self.nodes.values() if isinstance(n, TerminalNode) and n.succeeds is succeeds)

    def step(self, path: StepPath) -> Node:
        """The node at `path`; KeyError when there is none."""
        return self.within(path.branch).nodes[path.name]

    def tasks(self) -> Iterator[TaskNode]:
        """All tasks, those of the pipelines in it too."""
        for node in self.nodes.values():
            if isinstance(node, TaskNode):
                yield node
            elif isinstance(node, CompositeNode):
                for graph in graphs_of(node):
                    yield from graph.tasks()

    def needs_this_process(self) -> bool:
        """Whether anything in it calls a function that no other process can find."""
        for node in self.nodes.values():
            match node:
                case TaskNode(task=task) if task.function is not None:
                    return True
                case CompositeNode(branches=MappedBranches(function=function)) if function is not None:
                    return True
                case CompositeNode() if any(graph.needs_this_process() for graph in graphs_of(node)):
                    return True
                case _:
                    pass
        return False

    def within(self, branch: BranchPath) -> "Graph":
        """The (sub)pipeline at `branch`; KeyError when there is none."""
        graph = self
        for name, key in zip(branch.parts[::2], branch.parts[1::2], strict=True):
            node = graph.nodes[name]
            if not isinstance(node, CompositeNode):
                raise KeyError(name)
            graph = branch_of(node, key)
        return graph


def branch_of(node: CompositeNode, key: str) -> Graph:
    """The (sub)pipeline of the branch with this key; KeyError when there is none."""
    match node.branches:
        case StaticBranches(graphs=graphs):
            return graphs[key]
        case ChosenBranch(graphs=graphs, default=default):
            return graphs[key] if key in graphs or default is None else default
        case MappedBranches(graph=graph) | RepeatedBranch(graph=graph):
            return graph


def named_graphs(node: CompositeNode) -> list[tuple[tuple[str, ...], Graph]]:
    """The (sub)pipelines of its branches, each once, with the name of each where it has one."""
    found: list[tuple[tuple[str, ...], Graph]] = []

    def note(key: tuple[str, ...], graph: Graph) -> Graph:
        found.append((key, graph))
        return graph

    with_graphs(node, note)
    return found


def with_graphs(node: CompositeNode, change: Callable[[tuple[str, ...], Graph], Graph]) -> CompositeNode:
    """The node with changed (sub)pipelines; `change` also gets the name of each, where it has one."""
    match node.branches:
        case StaticBranches(graphs=graphs, are_named=are_named) as static:
            changed = {key: change((key,) if are_named else (), graph) for key, graph in graphs.items()}
            return replace(node, branches=replace(static, graphs=changed))
        case ChosenBranch(graphs=graphs, default=default) as chosen:
            changed = {key: change((key,), graph) for key, graph in graphs.items()}
            other = None if default is None else change((), default)
            return replace(node, branches=replace(chosen, graphs=changed, default=other))
        case MappedBranches(graph=graph) | RepeatedBranch(graph=graph) as one:
            return replace(node, branches=replace(one, graph=change((), graph)))


def graphs_of(node: CompositeNode) -> tuple[Graph, ...]:
    """All graphs that branches of the node may be, in the order in which they are written."""
    match node.branches:
        case StaticBranches(graphs=graphs):
            return tuple(graphs.values())
        case ChosenBranch(graphs=graphs, default=default):
            return (*graphs.values(), *(() if default is None else (default,)))
        case MappedBranches(graph=graph) | RepeatedBranch(graph=graph):
            return (graph,)
