"""Fields as written, to models of both kinds: msgspec's and pydantic's."""

from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct
from pydantic import BaseModel, ConfigDict, Field

from magnus.definition.field_types import PositiveDuration, Texts
from magnus.definition.fields import read
from magnus.definition.wrong_fields import WrongFields
from magnus.errors import Location


class Inner(Struct, frozen=True, forbid_unknown_fields=True):
    names: Texts = Texts()
    kind: Literal["a", "b"] = "a"


class Outer(Struct, frozen=True, forbid_unknown_fields=True):
    needed: str
    number: Annotated[int, Meta(ge=1)] = 1
    small: Annotated[float, Meta(lt=2)] = 1.0
    flag: bool = False
    maybe: str | None = None
    inner: Inner = Inner()
    several: tuple[str | Inner, ...] | None = None
    after: PositiveDuration = PositiveDuration(1)


class PydanticInner(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    names: tuple[str, ...] = ()


class PydanticOuter(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    needed: str
    number: int = Field(default=1, ge=1)
    small: float = Field(default=1.0, lt=2)
    flag: bool = False
    inner: PydanticInner = PydanticInner()
    kind: Literal["a", "b"] = "a"


@pytest.fixture(params=[Outer, PydanticOuter], ids=["msgspec", "pydantic"])
def model(request):
    return request.param


def said(model, written, **more):
    with pytest.raises(WrongFields) as caught:
        read(model, written, **more)
    return [(complaint.path, complaint.message, complaint.fix) for complaint in caught.value.complaints]


def test_what_is_right_becomes_the_model(model):
    made = read(model, {"needed": "x", "number": 3, "flag": True})
    assert (made.needed, made.number, made.flag) == ("x", 3, True)


def test_text_stands_for_numbers_and_truth_values(model):
    made = read(model, {"needed": "x", "number": "3", "small": "0.5", "flag": "true"})
    assert (made.number, made.small, made.flag) == (3, 0.5, True)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ({}, (("needed",), "'needed' is missing", "add 'needed'")),
        ({"needed": 5}, (("needed",), "needed must be text, not 5", 'put it in quotes: "5"')),
        ({"needed": "x", "number": "y"}, (("number",), "number must be a whole number, not 'y'", "write a whole number")),
        ({"needed": "x", "number": 0}, (("number",), "number must be at least 1, not 0", "write at least 1")),
        ({"needed": "x", "small": 2}, (("small",), "small must be less than 2.0, not 2", "write less than 2.0")),
        ({"needed": "x", "small": []}, (("small",), "small must be a number, not []", "write a number")),
        ({"needed": "x", "flag": "perhaps"}, (("flag",), "flag must be true or false, not 'perhaps'", "write true or false")),
        ({"needed": "x", "inner": 7}, (("inner",), "inner must be a mapping, not 7", "write 'name: value' lines below it")),
        ({"needed": "x", "nmber": 1}, (("nmber",), "unknown field 'nmber'", "did you mean 'number'?")),
        ({"needed": "x", "inner": {"nmes": []}}, (("inner", "nmes"), "unknown field 'inner.nmes'", "did you mean 'names'?")),
        ({"needed": "x", "zzz": 1}, (("zzz",), "unknown field 'zzz'", None)),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_alike_for_both(model, written, complaint):
    [(path, message, fix)] = said(model, written)
    assert (path, message) == complaint[:2]
    assert fix.startswith("there are 'needed', 'number'") if complaint[2] is None else fix == complaint[2]


def test_everything_is_said_at_once_in_the_order_written(model):
    found = said(model, {"number": "y", "what": 1, "flag": 3.5})
    assert [path for path, _, _ in found] in (
        [("number",), ("what",), ("flag",), ("needed",)],
        [("needed",), ("number",), ("flag",), ("what",)],  # pydantic has an order of its own
    )


@pytest.mark.parametrize(
    ("written", "path", "message", "fix"),
    [
        ({"inner": {"kind": "c"}}, ("inner", "kind"), "inner.kind must be 'a' or 'b', not 'c'", "write one of them"),
        ({"inner": {"names": 1}}, ("inner", "names"), "inner.names must be a list, not 1", "write it as [1], or as lines that start with '- '"),
        ({"inner": {"names": ["x", 1]}}, ("inner", "names"), "inner.names must be a list of texts, not of 1", "write it as [a, b], or as lines that start with '- '"),
        ({"several": ["x", {"kind": 1}]}, ("several", 1, "kind"), "several.1.kind must be 'a' or 'b', not 1", "write one of them"),
        ({"several": [3]}, ("several", 0), "several.0 must be text or a mapping, not 3", 'put it in quotes: "3"'),
        ({"several": "x"}, ("several",), "several must be a list, not 'x'", "write it as [x], or as lines that start with '- '"),
        ({"maybe": 3}, ("maybe",), "maybe must be text, not 3", 'put it in quotes: "3"'),
        ({"after": 0}, ("after",), "after must be more than 0, not 0", "write more than 0"),
        ({"after": "x"}, ("after",), "after must be a number of seconds or text such as 1h30m, not 'x'", "write a number of seconds or text such as 1h30m"),
        ({"maybe": "x" * 200, "number": "9" * 200 + "x"}, ("number",), f"number must be a whole number, not '{'9' * 76}...", "write a whole number"),
    ],
)  # fmt: skip
def test_what_is_wrong_inside(written, path, message, fix):
    assert said(Outer, {"needed": "x", **written}) == [(path, message, fix)]


def test_one_text_stands_for_a_list_and_text_for_a_duration():
    made = read(Outer, {"needed": "x", "inner": {"names": "one"}, "after": "1h30m", "several": ["a", {"kind": "b"}]})
    assert (made.inner.names, made.after, made.several) == (("one",), 5400.0, ("a", Inner(kind="b")))


def test_fields_that_may_stand_beside_are_named_where_one_is_misspelt(model):
    [(_, _, fix)] = said(model, {"needed": "x", "timeot": 1}, more_fields=["timeout"])
    assert fix == "did you mean 'timeout'?"


def test_a_model_without_fields_says_so():
    class Nothing(Struct, frozen=True, forbid_unknown_fields=True): ...

    assert said(Nothing, {"x": 1}) == [(("x",), "unknown field 'x'", "remove it, there are no options")]


def test_complaints_become_problems_with_their_place():
    with pytest.raises(WrongFields) as caught:
        read(Outer, {"number": 0, "needed": "x"})
    [problem] = caught.value.problems(lambda *keys: Location(f"{keys}", 3, 4), what="executor 'x'", step="s")
    assert (
        str(problem)
        == "('number',):3:4: error: step 's': executor 'x': number must be at least 1, not 0\n  fix: write at least 1"
    )
