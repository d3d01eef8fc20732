"""`type: success` and `type: fail`: the ends of a pipeline."""

from collections.abc import Mapping
from typing import Self

from msgspec import Struct

from magnus.definition.fields import read_step
from magnus.definition.nodes.contract import Graphs, Pipelines
from magnus.graph.nodes import TerminalNode
from magnus.values import Json


class _Terminal(Struct, frozen=True, forbid_unknown_fields=True):
    """An end of the pipeline; it has no `next`.

    Attributes:
        name: the name of the step, which is its key under `steps`.
        description: what reaching it means; it changes nothing.
    """

    name: str
    description: str = ""

    @classmethod
    def read(cls, name: str, fields: Mapping[str, Json]) -> Self:
        """The step from its fields as written."""
        return read_step(cls, name, fields)

    def pipelines(self) -> Pipelines:
        """None."""
        return {}


class Success(_Terminal, frozen=True):
    """Reaching it makes the pipeline succeed."""

    def lower(self, graphs: Graphs) -> TerminalNode:  # noqa: ARG002 - it has none
        """The terminal of the graph."""
        return TerminalNode(self.name, succeeds=True)


class Fail(_Terminal, frozen=True):
    """Reaching it makes the pipeline fail."""

    def lower(self, graphs: Graphs) -> TerminalNode:  # noqa: ARG002 - it has none
        """The terminal of the graph."""
        return TerminalNode(self.name, succeeds=False)
