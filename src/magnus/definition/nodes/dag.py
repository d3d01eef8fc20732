"""`type: dag`: a pipeline inside a pipeline, written in place or in a file of its own."""

from typing import Final

from magnus.definition.inner import Graphs, PipelineFile, Pipelines
from magnus.definition.nodes.composite import Composite
from magnus.definition.wrong_fields import Complaint, WrongFields
from magnus.graph.nodes import CompositeNode, StaticBranches
from magnus.values import Json

BRANCH: Final = "dag"
"""The name of the one branch."""


class Dag(Composite, frozen=True, kw_only=True):
    """One pipeline, written in one of two places.

    Attributes:
        dag: the pipeline inside this step.
        dag_definition: the file that the pipeline is in, relative to the file that names it.
    """

    dag: Json = None
    dag_definition: str | None = None

    def check(self) -> None:
        """There has to be one pipeline."""
        if (self.dag is None) == (self.dag_definition is None):
            key, message = (
                ("dag", "'dag' is missing") if self.dag is None else ("dag_definition", "there are two pipelines")
            )
            raise WrongFields([Complaint((key,), message, "write dag: <pipeline> or dag_definition: <file>")])

    def pipelines(self) -> Pipelines:
        """The pipeline, or the file it is in."""
        if self.dag_definition is None:
            return {("dag",): self.dag}
        return {("dag_definition",): PipelineFile(self.dag_definition)}

    def lower(self, graphs: Graphs) -> CompositeNode:
        """A composite with one branch."""
        [graph] = graphs.values()
        branches = StaticBranches({BRANCH: graph})
        return self.node(branches, "dag")
