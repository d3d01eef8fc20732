"""`type: stub`, also `as-is`: does nothing and succeeds; it may have any field."""

from collections.abc import Mapping
from typing import ClassVar, Self

from msgspec import Struct, field

from magnus.definition import fields as written_fields
from magnus.definition.nodes.contract import Graphs, NodeTraits, Pipelines
from magnus.graph.nodes import TaskNode, TaskSpec
from magnus.values import Json


class Stub(Struct, frozen=True, forbid_unknown_fields=True):
    """Does nothing and succeeds; it may have any field.

    Attributes:
        name: the name of the step, which is its key under `steps`.
        next: the step that follows; by default the step below, and `success` after the last.
        fields: all other fields, which the real step will need.
    """

    traits: ClassVar = NodeTraits(takes_any_field=True)

    name: str
    next: str
    fields: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def read(cls, name: str, fields: Mapping[str, Json]) -> Self:
        """The stub from its fields as written."""
        others = {key: value for key, value in fields.items() if key != "next"}
        following = {"next": fields["next"]} if "next" in fields else {}
        return written_fields.read(cls, {"name": name, "fields": others, **following})

    def pipelines(self) -> Pipelines:
        """None."""
        return {}

    def lower(self, graphs: Graphs) -> TaskNode:  # noqa: ARG002 - it has none
        """A task of a kind that does nothing."""
        task = TaskSpec("noop", options=dict(self.fields))
        return TaskNode(self.name, task, self.next, written_as="stub", is_placeholder=True)
