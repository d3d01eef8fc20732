"""Where the walk through a pipeline is, and which branches of a `conditional` it may choose. Pure."""

import json
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from magnus.graph.branch_choice import json_of, spelled
from magnus.graph.dataflow.shapes import Shape
from magnus.values import Json


class BranchCursor(Struct, frozen=True):
    """Where the walk is.

    `around` are the names of the steps and branches around and of the current step; `is_caught` says that a failure here
    leads to success all the same, `is_reached` that the initial parameters lead here.
    """

    around: tuple[str, ...] = ()
    is_caught: bool = False
    is_reached: bool = True

    def inside(self, key: str) -> "BranchCursor":
        """The same in the branch of this key."""
        return replace(self, around=(*self.around, key))

    def where_reached(self, *, is_reached: bool) -> "BranchCursor":
        """The same; in a branch that the initial parameters do not choose nothing makes the run fail."""
        return self if is_reached else replace(self, is_reached=False)


def matchable(keys: Iterable[str]) -> frozenset[str]:
    """The kinds of values whose text may be one of the keys."""
    names = {"str"}
    for key in keys:
        try:
            value = json.loads(json_of(key))
        except ValueError:
            continue
        names.add(
            {type(None): "null", bool: "bool", int: "int", float: "float", list: "list", dict: "dict"}.get(
                type(value), "str"
            )
        )
    return frozenset(names)


def can_choose(shape: Shape, key: str) -> bool:
    """Whether some value of this shape chooses the branch of the key."""
    if shape.values is not None:
        return any(as_text(value) in spelled(key) for value, _ in shape.values)
    return shape.kinds is None or bool(matchable([key]) & shape.kinds)


def as_text(value: Json) -> str:
    """The text of a value, as keys are compared with it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def all_spellings(keys: Iterable[str]) -> set[str]:
    """The texts of values that any of the keys stands for."""
    return {spelling for key in keys for spelling in spelled(key)}
