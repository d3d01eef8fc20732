"""`type: dag`: a pipeline inside a pipeline, written in place or in a file of its own."""

from collections.abc import Mapping
from typing import Final, Self

from msgspec import Struct, field

from magnus.definition import fields as written_fields
from magnus.definition.fields import Complaint, WrongFields
from magnus.definition.inner import Graphs, PipelineFile, Pipelines
from magnus.graph.nodes import CompositeNode, StaticBranches
from magnus.values import Json

BRANCH: Final = "dag"
"""The name of the one branch."""


class Dag(Struct, frozen=True, forbid_unknown_fields=True):
    """`dag` is the pipeline, or `dag_definition` the file it is in, relative to the file that names it."""

    name: str
    next: str
    dag: Json = None
    dag_definition: str | None = None
    on_failure: str | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    description: str = ""

    @classmethod
    def read(cls, name: str, fields: Mapping[str, Json]) -> Self:
        """The step from its fields as written."""
        step = written_fields.read(cls, {**fields, "name": name})
        if (step.dag is None) == (step.dag_definition is None):
            key, message = (
                ("dag", "'dag' is missing") if step.dag is None else ("dag_definition", "there are two pipelines")
            )
            raise WrongFields([Complaint((key,), message, "write dag: <pipeline> or dag_definition: <file>")])
        return step

    def pipelines(self) -> Pipelines:
        """The pipeline, or the file it is in."""
        if self.dag_definition is None:
            return {("dag",): self.dag}
        return {("dag_definition",): PipelineFile(self.dag_definition)}

    def lower(self, graphs: Graphs) -> CompositeNode:
        """A composite with one branch."""
        [graph] = graphs.values()
        branches = StaticBranches({BRANCH: graph})
        return CompositeNode(self.name, branches, self.next, self.on_failure, self.overrides, "dag")
