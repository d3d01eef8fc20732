"""Arguments with annotations of every make: classes that pydantic does not know, odd ones, and names that mean nothing."""

import typing
from argparse import Namespace
from datetime import date

import attrs
import pytest
from msgspec import Struct
from pydantic import TypeAdapter
from pydantic.v1 import BaseModel as OldModel

from magnus.engine.values.json_values import to_json_value
from magnus.errors import TaskFailed
from magnus.tasks.functions import casting


class Old(OldModel):
    a: int = 1


class Packed(Struct):
    a: int
    when: date | None = None


@attrs.define
class Inner:
    x: int
    _private: list[Old] = attrs.field(factory=list)


@attrs.frozen
class Outer:
    inner: Inner
    later: "list[Inner] | None" = None


class Typed(typing.TypedDict):
    a: int


Count = typing.NewType("Count", int)
ItemT = typing.TypeVar("ItemT")


class Box(typing.Generic[ItemT]):
    pass


CASTS = [
    (Old, {"a": "2"}, Old(a=2)),
    (list[Old], [{"a": 3}], [Old(a=3)]),
    (Old | None, None, None),
    (typing.Optional[Old], {"a": 1}, Old(a=1)),  # noqa: UP045 - as users write it
    (dict[str, tuple[Old, ...]], {"k": [{"a": 1}]}, {"k": (Old(a=1),)}),
    (Old | int, "3", 3),
    (typing.Annotated[Old, "a note"], {"a": 1}, Old(a=1)),
    (typing.List[Old], [{"a": 1}], [Old(a=1)]),  # noqa: UP006 - as users write it
    (Packed, {"a": "4", "when": "2026-01-02"}, Packed(4, date(2026, 1, 2))),
    (Inner, {"x": "1", "private": [{"a": 2}]}, Inner(1, [Old(a=2)])),
    (Inner, {"x": 1, "_private": [{"a": 2}]}, Inner(1, [Old(a=2)])),
    (Outer, {"inner": {"x": "1"}, "later": [{"x": 2}]}, Outer(Inner(1), [Inner(2)])),
    (Typed, {"a": 1}, {"a": 1}),
    (Count, "3", 3),
    (typing.Literal["a", 1], "a", "a"),
    ("list[Missing]", 3, 3),
    ("Missing", {"a": 1}, {"a": 1}),
    ("typing.Annotated[int, 'a note']", "3", 3),
]


def annotated(annotation, default=...):
    def f(x):
        return x

    f.__annotations__ = {"x": annotation}
    f.__defaults__ = None if default is ... else (default,)
    return f


def bound(call, function, **values):
    seen = []

    def take(x):
        seen.append(x)

    take.__annotations__, take.__defaults__ = function.__annotations__, function.__defaults__
    outcome = call(take, **values)
    assert outcome.failure == ""
    return seen[0]


@pytest.mark.parametrize(("annotation", "value", "expected"), CASTS)
def test_a_value_becomes_what_the_annotation_names(call, annotation, value, expected):
    assert bound(call, annotated(annotation), x=value) == expected


@pytest.mark.parametrize(
    ("annotation", "value", "said"),
    [
        (Old, {"a": "z"}, "the argument 'x' of f() must be Old, but is {\"a\": \"z\"}: Value error, 1 validation error for Old"),
        (list[Packed], [{"a": "q"}], "[0]: Value error, Expected `int`, got `str` - at `$.a`"),
        (Inner, {"x": 1, "private": [{"a": "k"}]}, "['private']: [0]: Value error, 1 validation error for Old"),
        (Inner, {}, "missing 1 required positional argument: 'x'"),
        (Inner, [1], "Inner is made of a mapping"),
        (Box[int], 1, "Input should be an instance of Box"),
        (typing.Callable[[int], int], 1, "Input should be callable"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_become_that_is_one_clear_error(call, annotation, value, said):
    with pytest.raises(TaskFailed) as failed:
        call(annotated(annotation), x=value)
    assert str(failed.value).startswith("the argument 'x' of f() must be ")
    assert said in str(failed.value)
    assert "\n" not in str(failed.value)


@pytest.mark.parametrize("error", [TypeError("no"), KeyError("k"), RuntimeError("two\nlines"), AssertionError()])
def test_whatever_pydantic_raises_is_one_clear_error(call, monkeypatch, error):
    def broken(self, *_arguments, **_more):
        raise error

    monkeypatch.setattr(TypeAdapter, "__init__", broken)
    with pytest.raises(TaskFailed) as failed:
        call(annotated(list[date]), x=["2026-01-02"])
    first = str(error).split("\n", maxsplit=1)[0] or type(error).__name__
    assert str(failed.value) == (
        "the argument 'x' of f() must be list[datetime.date], but is [\"2026-01-02\"]: "
        f"pydantic cannot check this annotation: {first}"
    )


@pytest.mark.parametrize("annotation", [int, "int", date, Old, list[int], str, typing.Any])
def test_null_is_taken_where_none_is_the_default(call, annotation):
    assert bound(call, annotated(annotation, None), x=None) is None


def test_null_is_refused_where_the_default_is_another(call):
    with pytest.raises(TaskFailed, match=r"the argument 'x' of f\(\) must be int, but is null"):
        call(annotated(int, 3), x=None)


def test_a_namespace_receives_all_parameters_as_attributes(call):
    seen = []

    def take(args: Namespace, /, x: int):
        seen.append((args, x))

    outcome = call(take, x="3", y=[1])
    assert seen == [(Namespace(x="3", y=[1]), 3)]
    assert outcome.arguments == {"x": "3", "y": [1]}


def test_instances_are_written_as_mappings():
    values = [Outer(Inner(1, [Old(a=2)])), Packed(3), Old()]
    assert to_json_value(values) == [
        {"inner": {"x": 1, "_private": [{"a": 2}]}, "later": None},
        {"a": 3, "when": None},
        {"a": 1},
    ]


@pytest.mark.parametrize("value", [Inner(1), Old(a=1), Packed(1)])
def test_their_parts_are_merged_as_those_of_dataclasses(call, value):
    assert set(call(lambda: value).parameters) <= {"x", "_private", "a", "when"}
    assert next(iter(call(lambda: value).parameters.values())).value == 1


@pytest.mark.parametrize(("kind", "castable"), [(int, True), (Old, True), (Inner, True), (Box, False)])
def test_classes_that_values_are_cast_to(kind, castable):
    assert casting.is_castable(kind) is castable
