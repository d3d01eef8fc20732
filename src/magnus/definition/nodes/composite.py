"""Has the fields that all steps with branches share. Used by the node types with branches."""

from collections.abc import Mapping
from typing import Self

from msgspec import Struct, field

from magnus.definition import fields as written_fields
from magnus.definition.nodes.contract import Pipelines
from magnus.definition.wrong_fields import Complaint, WrongFields
from magnus.graph.nodes import Branches, CompositeNode
from magnus.values import Json


class Composite(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A step made of branches; its class says where they come from.

    Attributes:
        name: the name of the step, which is its key under `steps`.
        next: the step that follows when this one succeeds.
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
