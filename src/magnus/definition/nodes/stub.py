"""`type: stub`, also `as-is`: does nothing and succeeds; keeps whatever else is written in it."""

from collections.abc import Mapping
from typing import Self

from msgspec import Struct, field

from magnus.definition import fields as written_fields
from magnus.definition.inner import Graphs, Pipelines
from magnus.graph.nodes import TaskNode, TaskSpec
from magnus.values import Json


class Stub(Struct, frozen=True, forbid_unknown_fields=True):
    """A place for a step that is not there yet.

    Attributes:
        name: the name of the step, which is its key under `steps`.
        next: the step that follows.
        fields: whatever else is written, which the step will need.
    """

    name: str
    next: str
    fields: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def read(cls, name: str, fields: Mapping[str, Json]) -> Self:
        """The stub from its fields as written."""
        kept = {key: value for key, value in fields.items() if key != "next"}
        given = {"next": fields["next"]} if "next" in fields else {}
        return written_fields.read(cls, {"name": name, "fields": kept, **given})

    def pipelines(self) -> Pipelines:
        """None."""
        return {}

    def lower(self, graphs: Graphs) -> TaskNode:  # noqa: ARG002 - it has none
        """A task of a kind that does nothing."""
        return TaskNode(self.name, TaskSpec("noop", options=dict(self.fields)), self.next, written_as="stub")
