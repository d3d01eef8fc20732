"""`type: map`: one pipeline for each element of a list."""

from typing import ClassVar

from magnus.definition.nodes.contract import Composite, Graphs, NodeTraits, Pipelines
from magnus.graph.nodes import CompositeNode, MappedBranches
from magnus.values import Json


class Map(Composite, frozen=True, kw_only=True):
    """One pipeline for each element of a list parameter.

    Attributes:
        branch: the pipeline that runs for every element.
        iterate_on: the name of the parameter with the list.
        iterate_as: the name of the parameter that holds the element in a branch.
        reducer: a dotted path or a lambda, called with the values of all branches for every name they set.
    """

    traits: ClassVar = NodeTraits(pipelines=("branch",))

    branch: Json
    iterate_on: str
    iterate_as: str
    reducer: str | None = None

    def pipelines(self) -> Pipelines:
        """The one branch that every element gets."""
        return {("branch",): self.branch}

    def lower(self, graphs: Graphs) -> CompositeNode:
        """A composite with as many branches as the list has elements."""
        branches = MappedBranches(graphs["branch",], self.iterate_on, self.iterate_as, self.reducer)
        return self.node(branches, "map")
