"""Pipelines written inside a step. Used by the node types that have some, and by `definition.compiling`."""

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct

from magnus.definition.wrong_fields import Complaint, WrongFields
from magnus.graph.nodes import Graph
from magnus.values import Json


class PipelineFile(Struct, frozen=True):
    """A pipeline in a file of its own, relative to the file that names it."""

    name: str


KeyPath: TypeAlias = tuple[str, ...]
Pipelines: TypeAlias = Mapping[KeyPath, Json | PipelineFile]
"""The pipelines in a step as written, by where in the step they stand."""
Graphs: TypeAlias = Mapping[KeyPath, Graph]
"""The same, compiled."""


def pipelines_in(branches: Mapping[str, Json]) -> Pipelines:
    """The pipelines under `branches:`."""
    return {("branches", key): pipeline for key, pipeline in branches.items()}


def needs_some(branches: Mapping[str, Json]) -> None:
    """WrongFields when there are no branches."""
    if not branches:
        raise WrongFields([Complaint(("branches",), "branches has no branch", "write '<name>: <pipeline>' below it")])
