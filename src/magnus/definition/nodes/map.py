"""`type: map`: one pipeline for each element of a list."""

from collections.abc import Mapping
from typing import Self

from msgspec import Struct, field

from magnus.definition import fields as written_fields
from magnus.definition.inner import Graphs, Pipelines
from magnus.graph.nodes import CompositeNode, MappedBranches
from magnus.values import Json


class Map(Struct, frozen=True, forbid_unknown_fields=True):
    """`iterate_on` names the parameter with the list, `iterate_as` the one that holds the element in a branch.

    `reducer` is a dotted path or a lambda; it is called with the values of all branches, for every name they set.
    """

    name: str
    branch: Json
    iterate_on: str
    iterate_as: str
    next: str
    reducer: str | None = None
    on_failure: str | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    description: str = ""

    @classmethod
    def read(cls, name: str, fields: Mapping[str, Json]) -> Self:
        """The step from its fields as written."""
        return written_fields.read(cls, {**fields, "name": name})

    def pipelines(self) -> Pipelines:
        """The one branch that every element gets."""
        return {("branch",): self.branch}

    def lower(self, graphs: Graphs) -> CompositeNode:
        """A composite with as many branches as the list has elements."""
        branches = MappedBranches(graphs["branch",], self.iterate_on, self.iterate_as, self.reducer)
        return CompositeNode(self.name, branches, self.next, self.on_failure, self.overrides, "map")
