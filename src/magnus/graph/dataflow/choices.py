"""Finds the branches of a `conditional` that values of a shape may choose. Pure."""

import json
from collections.abc import Iterable

from magnus.graph.branch_choice import json_of, spelled
from magnus.graph.dataflow.shapes import Shape
from magnus.values import Json


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
