"""Has the contract of node types: the protocol, the traits that the rest of magnus reads, and a base with branches."""

from collections.abc import Mapping
from typing import Final, Protocol, Self, TypeAlias

from msgspec import Struct, field

from magnus.definition import fields as written_fields
from magnus.definition.wrong_fields import Complaint, WrongFields
from magnus.graph.nodes import Branches, CompositeNode, Graph, Node
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
        outlined: whether it is a task with the fields `next`, `on_failure`, `command` and `secrets`, which its node has too.
    """

    pipelines: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    limits_branch_names: bool = False
    takes_any_field: bool = False
    outlined: bool = False


DEFAULT_TRAITS: Final = NodeTraits()


def traits_of(node_type: type) -> NodeTraits:
    """The traits that a node type declares."""
    traits: NodeTraits = getattr(node_type, "traits", DEFAULT_TRAITS)
    return traits


class Composite(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A step made of branches; its class says where they come from.

    Attributes:
        name: the name of the step, which is its key under `steps`.
        next: the step that follows when this one succeeds; by default the step below, and `success` after the last.
        on_failure: the step, or the pipeline, that follows when this one fails; the fail step by default.
        overrides: names of executor options of their own for this step, by the type of the executor.
        description: what the step is for; it changes nothing.
    """

    name: str
    next: str
    on_failure: str | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    description: str = ""

    @classmethod
    def read(cls, name: str, fields: Mapping[str, Json]) -> Self:
        """The step from its fields as written."""
        step = written_fields.read_step(cls, name, fields)
        step.check()
        return step

    def check(self) -> None:
        """Raise WrongFields when the fields do not fit together."""

    def node(self, branches: Branches, written_as: str) -> CompositeNode:
        """The composite of the graph with these branches."""
        return CompositeNode(self.name, branches, self.next, self.on_failure, self.overrides, written_as)


def pipelines_in(branches: Mapping[str, Json]) -> Pipelines:
    """The pipelines under `branches:`."""
    return {("branches", key): pipeline for key, pipeline in branches.items()}


def needs_some(branches: Mapping[str, Json]) -> None:
    """WrongFields when there are no branches."""
    if not branches:
        raise WrongFields([Complaint(("branches",), "branches has no branch", "write '<name>: <pipeline>' below it")])
