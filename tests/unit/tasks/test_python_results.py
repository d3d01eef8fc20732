"""What becomes of what a function gives back."""

import math
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel

from magnus.graph.nodes import Return
from magnus.run_log.parameters import JsonParameter, MetricParameter


class Fit(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True, extra="allow")
    slope: float = 1.0
    names: set[str] = Field(default={"a"}, alias="columnNames")
    handle: object = None


@dataclass
class Size:
    width: int
    parts: tuple[int, ...] = (1, 2)


class Pair(NamedTuple):
    left: int
    right: int


class Key(str, Enum):  # noqa: UP042 - its text is not its value
    FIRST = "first"


def giving(value):
    return lambda: value


def values(outcome):
    assert outcome.failure == ""
    return {name: parameter.value for name, parameter in outcome.parameters.items()}


def test_none_is_nothing(call):
    assert values(call(giving(None))) == {}


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        ({"a": 1, "b": {"c": [1, 2]}}, {"a": 1, "b": {"c": [1, 2]}}),
        ({}, {}),
        ({Key.FIRST: 1}, {"first": 1}),
        (OrderedDict(a=1), {"a": 1}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (Fit(columnNames={"b"}), {"slope": 1.0, "columnNames": ["b"], "handle": None}),
        (Fit(columnNames={"b"}, more=1), {"slope": 1.0, "columnNames": ["b"], "handle": None, "more": 1}),
        (Size(3), {"width": 3, "parts": [1, 2]}),
        (Pair(1, 2), {"left": 1, "right": 2}),
        (namedtuple("Old", "a b")(1, None), {"a": 1, "b": None}),  # noqa: PYI024 - users have these too
        (RootModel[dict[str, int]]({"a": 1}), {"a": 1}),
    ],
)
def test_the_parts_of_what_has_named_parts_become_parameters(call, returned, expected):
    assert values(call(giving(returned))) == expected


@pytest.mark.parametrize(
    ("returned", "what", "declared"),
    [
        (3, "int", "NAME"),
        ("text", "str", "NAME"),
        ([{"a": 1}], "list", "NAME"),
        ((1, 2), "tuple", "NAME"),
        (Size, "type", "{name: NAME, kind: object}"),
        (RootModel[list[int]]([1]), "pydantic.root_model.RootModel[list[int]]", "{name: NAME, kind: object}"),
        ({1, 2}, "set", "{name: NAME, kind: object}"),
    ],
)
def test_anything_else_is_dropped_with_a_warning_that_says_how_to_keep_it(call, returned, what, declared):
    outcome = call(giving(returned))
    option = "NAME" if declared == "NAME" else "NAME:object"
    if isinstance(returned, RootModel):
        what = f"{type(returned).__module__}.{type(returned).__qualname__}"
    assert outcome.warnings == (
        f"f() returned a value of type {what}, which has no name and is dropped; to keep it, declare returns: [{declared}], "
        f"or on the command line --returns {option}",
    )
    assert (outcome.failure, outcome.parameters) == ("", {})


def test_a_name_that_is_not_text_is_refused(call):
    outcome = call(giving({"a": 1, 2: 3}))
    assert outcome.failure == "f() returned a mapping with the key 2; the names of parameters must be text"


def test_a_part_that_is_no_json_is_named(call):
    outcome = call(giving({"a": 1, "b": [{"c": {1}}]}))
    assert outcome.failure == (
        "b[0]['c'] is a value of type set, which JSON cannot hold; "
        "to keep it as it is, declare returns: [{name: b, kind: object}]"
    )
    assert outcome.parameters == {}


def test_a_field_of_a_model_that_is_no_json_is_named(call):
    outcome = call(giving(Fit(columnNames=[], handle=object())))
    assert outcome.failure == (
        "columnNames is a value of type set, which JSON cannot hold; "
        "to keep it as it is, declare returns: [{name: columnNames, kind: object}]"
    )


def test_one_declared_value_is_what_came_back(call):
    assert values(call(giving(5), returns=["x"])) == {"x": 5}
    assert values(call(giving(None), returns=["x"])) == {"x": None}
    assert values(call(giving({"a": 1}), returns=["x"])) == {"x": {"a": 1}}
    assert values(call(giving(Fit()), returns=["x"])) == {"x": {"slope": 1.0, "columnNames": ["a"], "handle": None}}


def test_one_declared_value_may_be_a_tuple(call):
    assert values(call(giving((1, 2)), returns=["x"])) == {"x": [1, 2]}
    assert values(call(giving((1,)), returns=["x"])) == {"x": [1]}


def test_several_declared_values_come_in_order(call):
    assert values(call(giving((1, "b", None)), returns=["a", "b", "c"])) == {"a": 1, "b": "b", "c": None}
    assert values(call(giving(Pair(1, 2)), returns=["right", "left"])) == {"right": 1, "left": 2}


def test_what_comes_back_is_dropped_when_no_results_are_declared(call):
    assert values(call(giving({"a": object()}), returns=[])) == {}


@pytest.mark.parametrize(
    ("returned", "came"),
    [
        ((1, 2, 3), "3 values"),
        ((1,), "1 values"),
        ([1, 2], "a value of type list"),
        (None, "a value of type NoneType"),
        ({"a": 1, "b": 2}, "a value of type dict"),
    ],
)
def test_more_or_fewer_values_than_declared_are_an_error(call, returned, came):
    outcome = call(giving(returned), returns=["a", "b"])
    assert outcome.failure == f"f() returned {came}; 'returns' declares a tuple of 2: a, b"
    assert outcome.parameters == {}


def test_a_metric_is_a_parameter_that_is_tracked_too(call):
    outcome = call(giving((0.5, 7)), returns=[Return("loss", "metric"), "n"])
    assert outcome.parameters == {"loss": MetricParameter(0.5), "n": JsonParameter(7)}
    assert outcome.metrics == {"loss": 0.5}


def test_only_a_metric_may_be_infinite_or_not_a_number(call):
    outcome = call(giving((math.inf, math.nan)), returns=[Return("a", "metric"), Return("b", "metric")])
    assert outcome.metrics["a"] == math.inf
    assert math.isnan(outcome.metrics["b"])
    outcome = call(giving({"a": math.nan}))
    assert outcome.failure == "a is nan, which JSON cannot hold; only metrics may be NaN or infinite"


def test_an_object_needs_a_catalog(call):
    outcome = call(giving(object()), returns=[Return("model", "object")])
    assert outcome.failure == "'model' is declared as an object, and there is no catalog to keep it"


def test_a_failure_of_the_results_still_tells_what_was_handed(call):
    outcome = call(lambda x: {1: x}, x=3)
    assert outcome.failure != ""
    assert outcome.arguments == {"x": 3}


def test_what_the_function_keeps_and_changes_later_changes_no_parameter(call):
    kept = {"a": [1]}
    outcome = call(giving(kept))
    kept["a"].append(2)
    assert values(outcome) == {"a": [1]}
