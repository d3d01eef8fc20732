"""The node types a user can write, one module each; the table has the word of each.

A node type is a frozen model with `read`, which takes the fields of a step as written, `pipelines`, which returns the
pipelines in it, `lower`, which returns the node of the graph, and `traits`, if any are not the default. The first line
of its docstring is its description in schemas. To add a node type, add its module and its word here.
The caller of the loader passes a `FindNodeType`, which finds the node types of other packages.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from magnus.definition.nodes.composite import Composite
from magnus.definition.nodes.conditional import Conditional
from magnus.definition.nodes.contract import Graphs, NodeTraits, NodeType, PipelineFile, Pipelines, traits_of
from magnus.definition.nodes.dag import Dag
from magnus.definition.nodes.loop import Loop
from magnus.definition.nodes.map import Map
from magnus.definition.nodes.parallel import Parallel
from magnus.definition.nodes.stub import Stub
from magnus.definition.nodes.task import Task
from magnus.definition.nodes.terminal import Fail, Success
from magnus.definition.wrong_fields import Complaint, WrongFields
from magnus.errors import Problem
from magnus.suggest import near

__all__ = [
    "Complaint",
    "Composite",
    "Graphs",
    "NodeTraits",
    "NodeType",
    "PipelineFile",
    "Pipelines",
    "WrongFields",
]


NODE_TYPES: Final[Mapping[str, type[NodeType]]] = {
    "task": Task,
    "stub": Stub,
    "as-is": Stub,
    "parallel": Parallel,
    "map": Map,
    "dag": Dag,
    "conditional": Conditional,
    "loop": Loop,
    "success": Success,
    "fail": Fail,
}

PIPELINE_FIELDS: Final = frozenset(key for node_type in NODE_TYPES.values() for key in traits_of(node_type).pipelines)
"""The fields of steps that hold one pipeline."""
BRANCHES_FIELDS: Final = frozenset(key for node_type in NODE_TYPES.values() for key in traits_of(node_type).branches)
"""The fields of steps that hold pipelines by name."""

COMMAND_TYPES: Final = ("python", "shell", "notebook", "python-lambda")
"""Command types, which many users write as the type of a step."""

FindNodeType: TypeAlias = Callable[[str], type[NodeType] | Problem]
"""The node type of a word that is none of magnus, or why there is none."""


def main_word(word: str) -> str:
    """The first of the words for the same node type; the word itself where it is none of magnus."""
    node_type = NODE_TYPES.get(word)
    return next((first for first, other in NODE_TYPES.items() if other is node_type), word)


def unknown_type(word: str, others: Iterable[str] = ()) -> Problem:
    """The problem that no node type has this word; `others` are the words of other packages."""
    words = [*NODE_TYPES, *others]
    if word in COMMAND_TYPES:
        return Problem(f"unknown node type '{word}'", f"write command_type: {word}; the type is task, or is left out")
    match = near(word, words)
    fix = f"did you mean '{match}'?" if match else f"there are {', '.join(repr(name) for name in words)}"
    return Problem(f"unknown node type '{word}'", fix)
