"""The graph of a pipeline, for authors of plugins: what a definition becomes, and what transpilers and node types handle."""

from magnus.graph.nodes import (
    Branches,
    CatalogSpec,
    ChosenBranch,
    CompositeNode,
    Graph,
    MappedBranches,
    Node,
    Reducer,
    RepeatedBranch,
    Return,
    StaticBranches,
    TaskNode,
    TaskSpec,
    TerminalNode,
    graphs_of,
)
from magnus.graph.path import BranchPath, StepPath

__all__ = [
    "BranchPath",
    "Branches",
    "CatalogSpec",
    "ChosenBranch",
    "CompositeNode",
    "Graph",
    "MappedBranches",
    "Node",
    "Reducer",
    "RepeatedBranch",
    "Return",
    "StaticBranches",
    "StepPath",
    "TaskNode",
    "TaskSpec",
    "TerminalNode",
    "graphs_of",
]
