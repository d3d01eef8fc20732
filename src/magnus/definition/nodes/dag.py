"""`type: dag`: a pipeline inside a pipeline, written in place or in a file of its own."""

from typing import ClassVar, Final

from magnus.definition.nodes.contract import Composite, Graphs, NodeTraits, PipelineFile, Pipelines
from magnus.definition.wrong_fields import Complaint, WrongFields
from magnus.graph.nodes import CompositeNode, Graph, StaticBranches
from magnus.values import Json

_WORD: Final = "dag"
"""The node type, and the key of its one branch, which has no name of its own."""


class Dag(Composite, frozen=True, kw_only=True):
    """A pipeline inside a pipeline.

    Attributes:
        dag: the pipeline inside this step.
        dag_definition: the file that the pipeline is in, relative to the file that names it.
    """

    traits: ClassVar = NodeTraits(pipelines=("dag",), files={"dag_definition": "dag"})

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
        return self.node(_branch(graph), _WORD)


def nested(name: str, graph: Graph, following: str) -> CompositeNode:
    """The composite of a pipeline that is no step of its own in the definition: what is under `on_failure`."""
    return CompositeNode(name, _branch(graph), following, written_as=_WORD)


def _branch(graph: Graph) -> StaticBranches:
    return StaticBranches({_WORD: graph}, are_named=False)
