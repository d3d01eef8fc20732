"""A node type that runs a pipeline a number of times: `type: repeat`."""

from typing import Annotated

from msgspec import Meta

from magnus.definition.nodes import Composite
from magnus.interfaces.graph import RepeatedBranch
from magnus.values import Json


class Repeat(Composite, frozen=True, kw_only=True):
    """`branch` is the pipeline, `times` how often it runs."""

    branch: Json
    times: Annotated[int, Meta(ge=1)]

    def pipelines(self):
        return {("branch",): self.branch}

    def lower(self, graphs):
        return self.node(RepeatedBranch(graphs["branch",], self.times), "repeat")
