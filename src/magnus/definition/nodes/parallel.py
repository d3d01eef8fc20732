"""`type: parallel`: several pipelines, all of which run."""

from collections.abc import Mapping
from typing import ClassVar

from magnus.definition.nodes.contract import Composite, Graphs, NodeTraits, Pipelines, needs_some, pipelines_in
from magnus.graph.nodes import CompositeNode, StaticBranches
from magnus.values import Json


class Parallel(Composite, frozen=True, kw_only=True):
    """Several pipelines, all of which run.

    Attributes:
        branches: the pipelines, by name; names hold no `.` and no `%`.
    """

    traits: ClassVar = NodeTraits(branches=("branches",), limits_branch_names=True)

    branches: Mapping[str, Json]

    def check(self) -> None:
        """There has to be a branch."""
        needs_some(self.branches)

    def pipelines(self) -> Pipelines:
        """The branches."""
        return pipelines_in(self.branches)

    def lower(self, graphs: Graphs) -> CompositeNode:
        """A composite whose branches are known."""
        branches = StaticBranches({key: graphs["branches", key] for key in self.branches})
        return self.node(branches, "parallel")
