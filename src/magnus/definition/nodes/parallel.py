"""`type: parallel`: several pipelines, all of which run."""

from collections.abc import Mapping
from typing import Self

from msgspec import Struct, field

from magnus.definition import fields as written_fields
from magnus.definition.inner import Graphs, Pipelines, needs_some, pipelines_in
from magnus.graph.nodes import CompositeNode, StaticBranches
from magnus.values import Json


class Parallel(Struct, frozen=True, forbid_unknown_fields=True):
    """Branches by name; it succeeds when all of them do."""

    name: str
    branches: Mapping[str, Json]
    next: str
    on_failure: str | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    description: str = ""

    @classmethod
    def read(cls, name: str, fields: Mapping[str, Json]) -> Self:
        """The step from its fields as written."""
        step = written_fields.read(cls, {**fields, "name": name})
        needs_some(step.branches)
        return step

    def pipelines(self) -> Pipelines:
        """The branches."""
        return pipelines_in(self.branches)

    def lower(self, graphs: Graphs) -> CompositeNode:
        """A composite whose branches are known."""
        branches = StaticBranches({key: graphs["branches", key] for key in self.branches})
        return CompositeNode(self.name, branches, self.next, self.on_failure, self.overrides, "parallel")
