"""What the rest of magnus may ask of a node type without knowing its word: where its pipelines stand, what is special."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field


class NodeTraits(Struct, frozen=True):
    """Declared by a node type as its class attribute `traits`; one without it has the defaults.

    Attributes:
        pipelines: the fields that hold one pipeline.
        branches: the fields that hold pipelines by name.
        files: the fields that name a file with a pipeline, each with the field that holds the same pipeline in place.
        limits_branch_names: whether names of branches follow the rules for names of steps.
        takes_any_field: whether fields that it does not know may be written.
    """

    pipelines: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    limits_branch_names: bool = False
    takes_any_field: bool = False


DEFAULT_TRAITS: Final = NodeTraits()


def traits_of(node_type: type) -> NodeTraits:
    """The traits that a node type declares."""
    traits: NodeTraits = getattr(node_type, "traits", DEFAULT_TRAITS)
    return traits
