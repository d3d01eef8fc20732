"""`type: loop`: one pipeline, again and again."""

from typing import Annotated, ClassVar

from msgspec import Meta

from magnus.definition.nodes.contract import Composite, Graphs, NodeTraits, Pipelines
from magnus.graph.nodes import CompositeNode, RepeatedBranch
from magnus.values import Json


class Loop(Composite, frozen=True, kw_only=True):
    """One pipeline, again and again.

    Attributes:
        branch: the pipeline of every round.
        max_iterations: how many rounds there are at most.
        break_on: the name of a boolean parameter that ends the loop, looked at after each round.
        index_as: the name of the parameter that holds the number of the round, from 0.
    """

    traits: ClassVar = NodeTraits(pipelines=("branch",))

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
