"""What a node type is: the protocol, the pipelines in a step, and the traits that the rest of magnus may ask for."""

from collections.abc import Mapping
from typing import Final, Protocol, Self, TypeAlias

from msgspec import Struct, field

from magnus.graph.nodes import Graph, Node
from magnus.values import Json


class PipelineFile(Struct, frozen=True):
    """A pipeline in a file of its own, relative to the file that names it."""

    name: str


KeyPath: TypeAlias = tuple[str, ...]
Pipelines: TypeAlias = Mapping[KeyPath, Json | PipelineFile]
"""The pipelines in a step as written, by where in the step they stand."""
Graphs: TypeAlias = Mapping[KeyPath, Graph]
"""The same, compiled."""


class NodeType(Protocol):
    """What a user writes as one step."""

    @classmethod
    def read(cls, name: str, fields: Mapping[str, Json]) -> Self:
        """The step from its fields, `type` left out; WrongFields when they are wrong."""
        ...

    def pipelines(self) -> Pipelines:
        """The pipelines in it, by where in the step they stand."""
        ...

    def lower(self, graphs: Graphs) -> Node:
        """The node it stands for in the graph, with the graphs of its pipelines."""
        ...


class NodeTraits(Struct, frozen=True):
    """Declared by a node type as its class attribute `traits`; one without it has the defaults.

    Attributes:
        pipelines: the fields that hold one pipeline.
        branches: the fields that hold pipelines by name.
        files: the fields that name a file with a pipeline, each with the field that holds the same pipeline in place.
        limits_branch_names: whether names of branches follow the rules for names of steps.
        takes_any_field: whether fields that it does not know may be written.
    """

    pipelines: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    limits_branch_names: bool = False
    takes_any_field: bool = False


DEFAULT_TRAITS: Final = NodeTraits()


def traits_of(node_type: type) -> NodeTraits:
    """The traits that a node type declares."""
    traits: NodeTraits = getattr(node_type, "traits", DEFAULT_TRAITS)
    return traits
