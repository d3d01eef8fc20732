"""`type: conditional`: the one pipeline whose key equals a parameter."""

from collections.abc import Mapping
from typing import Self

from msgspec import Struct, field

from magnus.definition import fields as written_fields
from magnus.definition.inner import Graphs, Pipelines, needs_some, pipelines_in
from magnus.graph.nodes import ChosenBranch, CompositeNode
from magnus.values import Json


class Conditional(Struct, frozen=True, forbid_unknown_fields=True):
    """`branches` by the value of `parameter`, as JSON text; `default` runs when none of them matches."""

    name: str
    parameter: str
    branches: Mapping[str, Json]
    next: str
    default: Json = None
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
        """The branches, and the default."""
        branches = pipelines_in(self.branches)
        return branches if self.default is None else {**branches, ("default",): self.default}

    def lower(self, graphs: Graphs) -> CompositeNode:
        """A composite of which one branch runs."""
        branches = {key: graphs["branches", key] for key in self.branches}
        chosen = ChosenBranch(self.parameter, branches, graphs.get(("default",)))
        return CompositeNode(self.name, chosen, self.next, self.on_failure, self.overrides, "conditional")
