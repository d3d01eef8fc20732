"""`type: loop`: one pipeline, again and again."""

from collections.abc import Mapping
from typing import Annotated, Self

from msgspec import Meta, Struct, field

from magnus.definition import fields as written_fields
from magnus.definition.inner import Graphs, Pipelines
from magnus.graph.nodes import CompositeNode, RepeatedBranch
from magnus.values import Json


class Loop(Struct, frozen=True, forbid_unknown_fields=True):
    """`break_on` names a boolean parameter that ends it, looked at after each round; `index_as` counts them from 0."""

    name: str
    branch: Json
    max_iterations: Annotated[int, Meta(ge=1)]
    next: str
    break_on: str | None = None
    index_as: str | None = None
    on_failure: str | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    description: str = ""

    @classmethod
    def read(cls, name: str, fields: Mapping[str, Json]) -> Self:
        """The step from its fields as written."""
        return written_fields.read(cls, {**fields, "name": name})

    def pipelines(self) -> Pipelines:
        """The one branch of every round."""
        return {("branch",): self.branch}

    def lower(self, graphs: Graphs) -> CompositeNode:
        """A composite whose branches are its rounds."""
        branches = RepeatedBranch(graphs["branch",], self.max_iterations, self.break_on, self.index_as)
        return CompositeNode(self.name, branches, self.next, self.on_failure, self.overrides, "loop")
