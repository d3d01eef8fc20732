"""`type: stub`, also `as-is`: does nothing and succeeds; keeps whatever else is written in it."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from magnus.graph.nodes import TaskNode, TaskSpec
from magnus.values import Json


class Stub(BaseModel):
    """A place for a step that is not there yet; `fields` are what it will need."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    next: str
    fields: Mapping[str, Json] = Field(default_factory=dict)

    @classmethod
    def read(cls, name: str, fields: Mapping[str, Json]) -> Self:
        """The stub from its fields as written."""
        kept = {key: value for key, value in fields.items() if key != "next"}
        given = {"next": fields["next"]} if "next" in fields else {}
        return cls.model_validate({"name": name, "fields": kept, **given})

    def lower(self) -> TaskNode:
        """A task of a kind that does nothing."""
        return TaskNode(self.name, TaskSpec("noop", options=dict(self.fields)), self.next, written_as="stub")
