"""The node types a user can write, one module each; the table says which word stands for which.

A node type is a frozen model with `read`, which takes the fields of a step as written, and `lower`, which gives the
node of the graph. To add one: add its module, and its words here.
"""

from collections.abc import Mapping
from typing import Final, Protocol, Self

from magnus.definition.nodes.stub import Stub
from magnus.definition.nodes.task import Task
from magnus.definition.nodes.terminal import Fail, Success
from magnus.graph.nodes import Node
from magnus.values import Json


class NodeType(Protocol):
    """What a user writes as one step."""

    @classmethod
    def read(cls, name: str, fields: Mapping[str, Json]) -> Self:
        """The step from its fields, `type` left out; WrongFields when they are wrong."""
        ...

    def lower(self) -> Node:
        """The node it stands for in the graph."""
        ...


NODE_TYPES: Final[Mapping[str, type[Task] | type[Stub] | type[Success] | type[Fail]]] = {
    "task": Task,
    "stub": Stub,
    "as-is": Stub,
    "success": Success,
    "fail": Fail,
}
