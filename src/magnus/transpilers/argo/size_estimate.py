"""How large a run of a pipeline becomes in Argo: how deep its templates are nested, and how many nodes its status has."""

from collections.abc import Mapping
from typing import Final

from magnus.graph.nodes import (
    ChosenBranch,
    CompositeNode,
    Graph,
    MappedBranches,
    RepeatedBranch,
    StaticBranches,
    graphs_of,
)
from magnus.transpilers import partition
from magnus.transpilers.argo.dags import ROUNDS_AT_ONCE
from magnus.transpilers.argo.pipeline_dags import MOST_TASKS

_FAN_OUT_AND_IN: Final = 2
_ENDS: Final = 2


def depth(graph: Graph) -> int:
    """Calls of templates inside one another, from the dag of the pipeline to its innermost pods."""
    steps = partition.edges(graph)
    composites = [node for name in steps if isinstance(node := graph.nodes[name], CompositeNode)]
    return _dags(graph) + max((_depth(node) for node in composites), default=1)


def _dags(graph: Graph) -> int:
    """Dags of the pipeline itself inside one another."""
    rests = partition.rests(graph, MOST_TASKS)
    if not rests:
        return min(len(partition.parts(graph, MOST_TASKS)), 2)
    deep: dict[str, int] = {}
    waiting = [graph.start_at]
    while waiting:
        entry = waiting[-1]
        left = [step for step in rests[entry].goes_on_to if step not in deep]
        if left:
            waiting += left
        else:
            deep[entry] = 1 + max((deep[step] for step in rests[entry].goes_on_to), default=0)
            waiting.pop()
    return deep[graph.start_at]


def _depth(node: CompositeNode) -> int:
    loop = node.branches
    levels = -(-loop.max_iterations // ROUNDS_AT_ONCE) if isinstance(loop, RepeatedBranch) else 0
    return 1 + levels + max(depth(graph) for graph in graphs_of(node))


def nodes(graph: Graph, lengths: Mapping[str, int]) -> int:
    """Nodes of a run that goes through all steps and rounds; `lengths` are of initial lists, others count as one element."""
    inner = (graph.nodes[name] for name in partition.edges(graph))
    return 1 + _ENDS + sum(_nodes(node, lengths) if isinstance(node, CompositeNode) else 1 for node in inner)


def _nodes(node: CompositeNode, lengths: Mapping[str, int]) -> int:
    match node.branches:
        case StaticBranches(graphs=graphs):
            inner = sum(nodes(graph, lengths) for graph in graphs.values())
        case ChosenBranch(graphs=graphs):
            inner = len(graphs) + max(nodes(graph, lengths) for graph in graphs_of(node))
        case MappedBranches(graph=graph, iterate_on=name):
            inner = 1 + lengths.get(name, 1) * nodes(graph, lengths)
        case RepeatedBranch(graph=graph, max_iterations=rounds):
            inner = rounds * (nodes(graph, lengths) + 1)
    return 1 + _FAN_OUT_AND_IN + inner
