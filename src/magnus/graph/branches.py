"""Finds facts of branches before they run: the one a `conditional` chooses, and the names their tasks declare to return. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

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

_TRUE: Final = ("True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON")
_FALSE: Final = ("False", "FALSE", "no", "No", "NO", "off", "Off", "OFF")
_SPELLINGS: Final = {
    **dict.fromkeys(_TRUE, "true"),
    **dict.fromkeys(_FALSE, "false"),
    **dict.fromkeys(("None", "~", "Null", "NULL"), "null"),
}
"""Spellings of Python and YAML, with the spelling of JSON."""


def json_of(key: str) -> str:
    """The key in the spelling of JSON."""
    return _SPELLINGS.get(key, key)


def spelled(key: str) -> frozenset[str]:
    """The texts of values that the key stands for."""
    return frozenset((key, json_of(key)))


def key_for(keys: Iterable[str], text: str) -> str | None:
    """The key that is the text of the value, or else the first that spells it otherwise."""
    listed = tuple(keys)
    if text in listed:
        return text
    return next((key for key in listed if json_of(key) == text), None)


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
