"""Names that a (sub)pipeline is known to set without running it: what its tasks declare to return. Pure."""

from collections.abc import Iterable, Iterator

from magnus.graph.nodes import (
    CompositeNode,
    Graph,
    Node,
    RepeatedBranch,
    StaticBranches,
    TaskNode,
    TerminalNode,
    graphs_of,
)


def names_set(graph: Graph) -> tuple[str, ...]:
    """The names, in the order in which they are written."""
    return tuple(dict.fromkeys(name for node in graph.nodes.values() for name in _of_node(node)))


def set_by_several(node: CompositeNode) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The names that more than one branch of a `parallel` sets, each with these branches."""
    if not isinstance(node.branches, StaticBranches):
        return
    setting: dict[str, list[str]] = {}
    for key, graph in node.branches.graphs.items():
        for name in names_set(graph):
            setting.setdefault(name, []).append(key)
    yield from ((name, tuple(keys)) for name, keys in setting.items() if len(keys) > 1)


def _of_node(node: Node) -> Iterable[str]:
    match node:
        case TaskNode(task=task):
            return [item.name for item in task.returns or ()]
        case CompositeNode(branches=RepeatedBranch(graph=graph, index_as=str(index))):
            return [*(name for name in names_set(graph) if name != index), index]
        case CompositeNode():
            return [name for graph in graphs_of(node) for name in names_set(graph)]
        case TerminalNode():
            return ()
