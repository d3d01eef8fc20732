"""Python values to JSON values."""

import json
import math
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from magnus.engine.values.json_values import NotJson, to_json_value


class Color(Enum):
    RED = "red"
    BOTH = ("red", 1)


class Level(IntEnum):
    HIGH = 3


class Word(StrEnum):
    YES = "yes"


class Mixed(str, Enum):  # noqa: UP042 - its text is not its value
    ONE = "one"


class Text(str):
    __slots__ = ()

    def __str__(self):
        return "something else"


class Whole(int):
    pass


class Share(float):
    pass


class Many(list):
    pass


@dataclass
class Node:
    value: Any = None
    children: list["Node"] = field(default_factory=list)


class Point(NamedTuple):
    x: int
    y: Any = None


class Model(BaseModel):
    count: int = Field(default=1, alias="theCount")
    day: date = date(2024, 1, 2)
    names: set[str] = {"a"}
    anything: Any = None


class Scalar:
    """What scalars of numpy look like."""

    shape = ()

    def __init__(self, held):
        self.held = held

    def item(self):
        return self.held


def of_numpy(name, held, text=""):
    """A scalar whose type has the name of one of numpy."""
    return type(name, (Scalar,), {"__module__": "numpy", "__str__": lambda self: text})(held)


class Array(Scalar):
    shape = (3,)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (0, 0),
        (-(10**100), -(10**100)),
        (1.5, 1.5),
        ("é\n", "é\n"),
        ([], []),
        ({}, {}),
        ({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}),
        ((1, (2, 3)), [1, [2, 3]]),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (Counter("aa"), {"a": 2}),
        (MappingProxyType({"a": (1,)}), {"a": [1]}),
        (Many([1]), [1]),
        (Color.RED, "red"),
        (Color.BOTH, ["red", 1]),
        (Level.HIGH, 3),
        (Word.YES, "yes"),
        (Mixed.ONE, "one"),
        ({Mixed.ONE: Mixed.ONE}, {"one": "one"}),
        (Text("text"), "text"),
        (Whole(3), 3),
        (Share(0.5), 0.5),
        (date(2024, 2, 29), "2024-02-29"),
        (datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC), "2024-02-29T01:02:03+00:00"),
        (time(1, 2), "01:02:00"),
        (timedelta(days=1, seconds=3), "P1DT3S"),
        (Path("a/b"), "a/b"),
        (PurePosixPath("/a"), "/a"),
        (Decimal("1.10"), "1.10"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Point(1, Color.RED), {"x": 1, "y": "red"}),
        (Node(1, [Node(date(2024, 1, 1))]), {"value": 1, "children": [{"value": "2024-01-01", "children": []}]}),
        (Model(), {"theCount": 1, "day": "2024-01-02", "names": ["a"], "anything": None}),
        ([Model(anything=Point(1))][0].anything, {"x": 1, "y": None}),
        (Scalar(3), 3),
        (Scalar(True), True),
        ([Scalar(0.5), Scalar("a")], [0.5, "a"]),
        (of_numpy("datetime64", 1_700_000_000_000_000_000, "2023-11-14"), "2023-11-14"),
        (of_numpy("timedelta64", timedelta(seconds=1)), "PT1S"),
        (of_numpy("longdouble", 1.5), 1.5),
        (Scalar(Color.RED), "red"),
    ],
)
def test_a_value_becomes_what_json_has_for_it(value, expected):
    converted = to_json_value(value)
    assert converted == expected
    assert json.loads(json.dumps(converted)) == expected
    assert type(converted) is type(expected)


class Opaque:
    pass


HINT = "; to keep it as it is, declare returns: [{name: x, kind: object}]"


@pytest.mark.parametrize(
    ("value", "place", "kind"),
    [
        ({1, 2}, "", "set"),
        (b"a", "", "bytes"),
        (3 + 4j, "", "complex"),
        (deque([1]), "", "collections.deque"),
        (range(3), "", "range"),
        (Fraction(1, 3), "", "fractions.Fraction"),
        (Opaque(), "", "Opaque"),
        (Opaque, "", "type"),
        (len, "", "builtin_function_or_method"),
        ((value for value in ()), "", "generator"),
        (Array(None), "", "Array"),
        (of_numpy("timedelta64", 5), "", "numpy.timedelta64"),
        ([1, 2, 3, {"a": {1}}], "[3]['a']", "set"),
        ({"a b": (0, Node(Opaque()))}, "['a b'][1]['value']", "Opaque"),
        (Point(1, {"z": b""}), "['y']['z']", "bytes"),
        (Scalar(b"a"), "", "bytes"),
    ],
)
def test_what_has_no_form_in_json_is_refused_with_its_place_and_a_way_out(value, place, kind):
    if kind in {"Opaque", "Array"}:
        kind = f"{Opaque.__module__}.{kind}"
    with pytest.raises(NotJson) as caught:
        to_json_value(value, name="x")
    assert str(caught.value) == f"x{place} is a value of type {kind}, which JSON cannot hold{HINT}"


def test_a_scalar_that_is_its_own_item_is_refused():
    own = Scalar(None)
    own.held = own
    with pytest.raises(NotJson, match=r"^x is a value of type .*Scalar, which JSON cannot hold"):
        to_json_value(own, name="x")


def test_a_model_that_cannot_be_written_is_refused_with_what_pydantic_says():
    with pytest.raises(NotJson) as caught:
        to_json_value([Model(anything=Opaque())], name="x")
    assert str(caught.value) == (
        f"x[0] is a {Model.__module__}.Model that cannot be written as JSON: "
        f"Unable to serialize unknown type: <class '{Opaque.__module__}.Opaque'>{HINT}"
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": {1: 2}}, "x['a'] has the key 1 of type int; keys must be text"),
        ({(1, 2): 3}, "x has the key (1, 2) of type tuple; keys must be text"),
        ({None: 3}, "x has the key None of type NoneType; keys must be text"),
        ([0.5, math.nan], "x[1] is nan, which JSON cannot hold; only metrics may be NaN or infinite"),
        (-math.inf, "x is -inf, which JSON cannot hold; only metrics may be NaN or infinite"),
        (Scalar(math.inf), "x is inf, which JSON cannot hold; only metrics may be NaN or infinite"),
        ("a\ud800", "x is text with half a surrogate pair, which JSON cannot hold"),
        (["a", "\udcff"], "x[1] is text with half a surrogate pair, which JSON cannot hold"),
        ({"\ud800": 1}, "x is text with half a surrogate pair, which JSON cannot hold"),
        (Path("\udcff"), "x is text with half a surrogate pair, which JSON cannot hold"),
        pytest.param(10**5000, "x is an integer of more than 4300 digits; return it as text", id="long integer"),
        ([1, -(10**5000)], "x[1] is an integer of more than 4300 digits; return it as text"),
    ],
)
def test_what_json_cannot_hold_is_refused(value, message):
    with pytest.raises(NotJson) as caught:
        to_json_value(value, name="x")
    assert str(caught.value) == message


def test_metrics_may_be_nan_or_infinite_anywhere():
    converted = to_json_value({"a": [math.nan, math.inf], "b": (-math.inf,)}, allow_nan=True)
    assert math.isnan(converted["a"][0])
    assert converted["a"][1] == math.inf
    assert converted["b"] == [-math.inf]


def cycles():
    items = [1]
    items.append({"a": items})
    yield items, "x[1]['a'] contains itself"
    table = {}
    table["a"] = (table,)
    yield table, "x['a'][0] contains itself"
    node = Node()
    node.children.append(node)
    yield node, "x['children'][0] contains itself"


@pytest.mark.parametrize(("value", "message"), list(cycles()), ids=["list", "mapping", "dataclass"])
def test_a_value_that_contains_itself_is_refused(value, message):
    with pytest.raises(NotJson) as caught:
        to_json_value(value, name="x")
    assert str(caught.value) == message


def test_a_model_that_contains_itself_is_refused():
    model = Model()
    model.anything = model
    with pytest.raises(NotJson, match=r"^x is a .*Model that cannot be written as JSON: Circular reference detected"):
        to_json_value(model, name="x")


def test_the_same_value_twice_is_no_cycle():
    shared = {"a": 1}
    assert to_json_value([shared, shared, (shared,)]) == [{"a": 1}, {"a": 1}, [{"a": 1}]]


def test_a_value_nested_too_deeply_is_refused():
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(NotJson) as caught:
        to_json_value(value, name="x")
    assert str(caught.value) == "x is nested too deeply for JSON"


def test_the_result_shares_no_container_with_the_value():
    value = {"a": [1, 2], "b": [{"c": []}]}
    converted = to_json_value(value)
    value["a"].append(3)
    value["b"][0]["c"].append(4)
    assert converted == {"a": [1, 2], "b": [{"c": []}]}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_plain_json_stays_as_it_is(value):
    converted = to_json_value(value)
    assert converted == value
    assert json.dumps(converted) == json.dumps(value)
