"""`type: conditional`: the one pipeline whose key equals a parameter."""

from collections.abc import Mapping
from typing import ClassVar

from magnus.definition.nodes.contract import Composite, Graphs, NodeTraits, Pipelines, needs_some, pipelines_in
from magnus.graph.nodes import ChosenBranch, CompositeNode
from magnus.values import Json


class Conditional(Composite, frozen=True, kw_only=True):
    """The one pipeline whose key equals a parameter.

    Attributes:
        parameter: the name of the parameter that chooses the branch.
        branches: a pipeline for each value of the parameter, by the value as JSON text.
        default: the pipeline that runs when no key matches; without it that is a failure.
    """

    traits: ClassVar = NodeTraits(pipelines=("default",), branches=("branches",))

    parameter: str
    branches: Mapping[str, Json]
    default: Json = None

    def check(self) -> None:
        """There has to be a branch."""
        needs_some(self.branches)

    def pipelines(self) -> Pipelines:
        """The branches, and the default."""
        branches = pipelines_in(self.branches)
        return branches if self.default is None else {**branches, ("default",): self.default}

    def lower(self, graphs: Graphs) -> CompositeNode:
        """A composite of which one branch runs."""
        branches = {key: graphs["branches", key] for key in self.branches}
        choice = ChosenBranch(self.parameter, branches, graphs.get(("default",)))
        return self.node(choice, "conditional")
