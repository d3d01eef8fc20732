"""`type: loop`: one pipeline, again and again."""

from typing import Annotated, ClassVar

from msgspec import Meta

from magnus.definition.nodes.contract import Composite, Graphs, NodeTraits, Pipelines
from magnus.graph.nodes import CompositeNode, RepeatedBranch
from magnus.values import Json


class Loop(Composite, frozen=True, kw_only=True):
    """One pipeline, again and again.

    Attributes:
        branch: the pipeline of every iteration.
        max_iterations: the largest number of iterations.
        break_on: the name of a boolean parameter that stops the loop; the loop reads it after each iteration.
        index_as: the name of the parameter that holds the number of the iteration, from 0.
    """

    traits: ClassVar = NodeTraits(pipelines=("branch",))

    branch: Json
    max_iterations: Annotated[int, Meta(ge=1)]
    break_on: str | None = None
    index_as: str | None = None

    def pipelines(self) -> Pipelines:
        """The one branch of every iteration."""
        return {("branch",): self.branch}

    def lower(self, graphs: Graphs) -> CompositeNode:
        """A composite whose branches are its iterations."""
        branches = RepeatedBranch(graphs["branch",], self.max_iterations, self.break_on, self.index_as)
        return self.node(branches, "loop")
