"""The node types a user can write, one module each; the table has the word of each.

A node type is a frozen model with `read`, which takes the fields of a step as written, `pipelines`, which returns the
pipelines in it, `lower`, which returns the node of the graph, and `traits`, if any are not the default. The first line
of its docstring is its description in schemas. To add a node type, add its module and its word in
`_NODE_TYPE_MODULES`.
The caller of the loader passes a `FindNodeType`, which finds the node types of other packages.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Final, TypeAlias

from magnus.definition.nodes.contract import (
    Composite,
    Graphs,
    NodeTraits,
    NodeType,
    PipelineFile,
    Pipelines,
    traits_of,
)
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

_NODE_TYPE_MODULES: Final[Mapping[str, str]] = {
    "task": "task:Task",
    "stub": "stub:Stub",
    "as-is": "stub:Stub",
    "parallel": "parallel:Parallel",
    "map": "map:Map",
    "dag": "dag:Dag",
    "conditional": "conditional:Conditional",
    "loop": "loop:Loop",
    "success": "terminal:Success",
    "fail": "terminal:Fail",
}
"""The module and the class of each node type in this package, `module:class`, by the word that users write."""


@cache
def _node_type(word: str) -> type[NodeType]:
    module, _, name = _NODE_TYPE_MODULES[word].partition(":")
    node_type: type[NodeType] = getattr(import_module(f"{__name__}.{module}"), name)
    return node_type


class _NodeTypes(Mapping[str, type[NodeType]]):
    """The node types by their words; each is loaded when it is read."""

    def __getitem__(self, word: str) -> type[NodeType]:
        return _node_type(word)

    def __contains__(self, word: object) -> bool:
        return word in _NODE_TYPE_MODULES

    def __iter__(self) -> Iterator[str]:
        return iter(_NODE_TYPE_MODULES)

    def __len__(self) -> int:
        return len(_NODE_TYPE_MODULES)


NODE_TYPES: Final[Mapping[str, type[NodeType]]] = _NodeTypes()

COMMAND_TYPES: Final = ("python", "shell", "notebook", "python-lambda")
"""Command types, which many users write as the type of a step."""

FindNodeType: TypeAlias = Callable[[str], type[NodeType] | Problem]
"""The node type of a word that is none of magnus, or why there is none."""


@cache
def pipeline_fields() -> frozenset[str]:
    """The fields of steps that hold one pipeline."""
    return frozenset(field for node_type in NODE_TYPES.values() for field in traits_of(node_type).pipelines)


@cache
def branches_fields() -> frozenset[str]:
    """The fields of steps that hold pipelines by name."""
    return frozenset(field for node_type in NODE_TYPES.values() for field in traits_of(node_type).branches)


def main_word(word: str) -> str:
    """The first of the words for the same node type; the word itself where it is none of magnus."""
    place = _NODE_TYPE_MODULES.get(word)
    return next((first for first, other in _NODE_TYPE_MODULES.items() if other == place), word)


def unknown_type(word: str, others: Iterable[str] = ()) -> Problem:
    """The problem that no node type has this word; `others` are the words of other packages."""
    words = [*NODE_TYPES, *others]
    if word in COMMAND_TYPES:
        return Problem(f"unknown node type '{word}'", f"write command_type: {word}; the type is task, or is left out")
    match = near(word, words)
    fix = f"did you mean '{match}'?" if match else f"there are {', '.join(repr(name) for name in words)}"
    return Problem(f"unknown node type '{word}'", fix)
