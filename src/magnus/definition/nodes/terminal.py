"""`type: success` and `type: fail`: the ends of a pipeline."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict

from magnus.graph.nodes import TerminalNode
from magnus.values import Json


class _Terminal(BaseModel):
    """An end of the pipeline; it has no `next`."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str
    description: str = ""

    @classmethod
    def read(cls, name: str, fields: Mapping[str, Json]) -> Self:
        """The step from its fields as written."""
        return cls.model_validate({**fields, "name": name})


class Success(_Terminal):
    """Reaching it makes the pipeline succeed."""

    def lower(self) -> TerminalNode:
        """The terminal of the graph."""
        return TerminalNode(self.name, succeeds=True)


class Fail(_Terminal):
    """Reaching it makes the pipeline fail."""

    def lower(self) -> TerminalNode:
        """The terminal of the graph."""
        return TerminalNode(self.name, succeeds=False)
