"""`type: loop`: one pipeline, again and again."""

from typing import Annotated

from msgspec import Meta

from magnus.definition.inner import Graphs, Pipelines
from magnus.definition.nodes.composite import Composite
from magnus.graph.nodes import CompositeNode, RepeatedBranch
from magnus.values import Json


class Loop(Composite, frozen=True, kw_only=True):
    """`break_on` names a boolean parameter that ends it, looked at after each round; `index_as` counts them from 0."""

    branch: Json
    max_iterations: Annotated[int, Meta(ge=1)]
    break_on: str | None = None
    index_as: str | None = None

    def pipelines(self) -> Pipelines:
        """The one branch of every round."""
        return {("branch",): self.branch}

    def lower(self, graphs: Graphs) -> CompositeNode:
        """A composite whose branches are its rounds."""
        branches = RepeatedBranch(graphs["branch",], self.max_iterations, self.break_on, self.index_as)
        return self.node(branches, "loop")
