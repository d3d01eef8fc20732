"""Finds node types of other packages, for pipelines that name one. The loader of a pipeline passes it to `definition`."""

from typing import TYPE_CHECKING

from magnus.app.composition import plugins
from magnus.definition.nodes import unknown_type
from magnus.errors import InvalidConfiguration, Problem

if TYPE_CHECKING:
    from magnus.definition.nodes import NodeType

_FAMILY = "nodes"


def find_node_type(word: str) -> "type[NodeType] | Problem":
    """The node type of this word, which is none of magnus; or why there is none that can be used."""
    offered = plugins.offered(_FAMILY)
    if word not in offered:
        return unknown_type(word, offered)
    try:
        found: type[NodeType] = plugins.find(_FAMILY, word)
    except InvalidConfiguration as error:
        return error.problems[0]
    return found
