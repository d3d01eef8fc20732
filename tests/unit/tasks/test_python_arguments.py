"""How the arguments of a function are filled from the parameters."""
# ruff: noqa: UP007, UP045 - users write these too

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, TypedDict, TypeVar, Union

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from magnus.errors import TaskFailed
from magnus.run_log.parameters import JsonParameter, MetricParameter, ObjectParameter


class Color(Enum):
    RED = "red"


class Point(BaseModel):
    x: int
    y: int = 0


class StrictDay(BaseModel):
    model_config = ConfigDict(strict=True)
    day: date


@dataclass
class Size:
    width: int
    height: float = 1.0


class Pair(NamedTuple):
    left: int
    right: int


class Opaque:
    """Nothing that pydantic knows."""


class Options(TypedDict):
    depth: int


UserId = NewType("UserId", str)
Anything = TypeVar("Anything")


def test_arguments_are_filled_by_name(call):
    seen = []
    outcome = call(lambda b, a: seen.append((a, b)), a=1, b="two", c=3)
    assert seen == [(1, "two")]
    assert outcome.arguments == {"b": "two", "a": 1}


def test_an_argument_takes_the_only_parameter_that_differs_by_case(call):
    seen = []
    outcome = call(lambda alpha, *_: seen.append(alpha), Alpha=1)
    assert seen == [1]
    assert outcome.arguments == {"alpha": 1}


def test_an_exact_name_wins_over_one_that_differs_by_case(call):
    seen = []
    call(lambda alpha, *_: seen.append(alpha), Alpha=1, alpha=2)
    assert seen == [2]


def test_a_name_that_matches_two_parameters_by_case_matches_none(call):
    with pytest.raises(TaskFailed) as caught:
        call(lambda alpha: None, Alpha=1, ALPHA=2)
    expected = "f() needs the argument 'alpha', and there is no such parameter; the parameters are: Alpha, ALPHA"
    assert str(caught.value) == expected


def test_a_default_applies_when_the_parameter_is_absent(call):
    seen = []
    outcome = call(lambda a, b=7: seen.append((a, b)), a=1)
    assert seen == [(1, 7)]
    assert outcome.arguments == {"a": 1}


def test_a_parameter_wins_over_a_default_even_when_it_is_null(call):
    seen = []
    call(lambda a=7: seen.append(a), a=None)
    assert seen == [None]


def test_missing_required_arguments_are_all_named_with_the_parameters_there_are(call):
    with pytest.raises(TaskFailed) as caught:
        call(lambda a, b, c: None, b=1, z=2)
    expected = "f() needs the arguments 'a' and 'c', and there are no such parameters; the parameters are: b, z"
    assert str(caught.value) == expected


def test_a_missing_argument_says_so_when_there_are_no_parameters_at_all(call):
    with pytest.raises(TaskFailed) as caught:
        call(lambda a: None)
    assert str(caught.value) == "f() needs the argument 'a', and there is no such parameter; the parameters are: none"


def test_a_long_list_of_parameters_is_cut(call):
    with pytest.raises(TaskFailed) as caught:
        call(lambda a: None, **{f"p{number}": number for number in range(100)})
    assert str(caught.value).endswith("p18, p19, 80 more")


def test_keyword_only_arguments_are_filled(call):
    seen = []

    def function(*, a, b=2):
        seen.append((a, b))

    call(function, a=1)
    assert seen == [(1, 2)]


def test_positional_only_arguments_are_filled_also_behind_one_that_is_absent(call):
    seen = []

    def function(a=1, b=2, /, c=3):
        seen.append((a, b, c))

    call(function, b=5, c=6)
    assert seen == [(1, 5, 6)]


def test_var_positional_arguments_get_nothing(call):
    seen = []

    def function(a, *args):
        seen.append((a, args))

    call(function, a=1, args=[1, 2])
    assert seen == [(1, ())]


def test_var_keyword_arguments_receive_only_what_no_other_argument_takes(call):
    seen = []

    def function(a, Bee=0, /, *, c, **rest):  # noqa: N803 - differs from the parameter by case
        seen.append((a, Bee, c, rest))

    outcome = call(function, a=1, bee=2, c=3, d=4, kwargs=5)
    assert seen == [(1, 2, 3, {"d": 4, "kwargs": 5})]
    assert outcome.arguments == {"a": 1, "Bee": 2, "c": 3, "d": 4, "kwargs": 5}


def test_var_keyword_arguments_are_cast_by_their_annotation(call):
    seen = []

    def function(**rest: int):
        seen.append(rest)

    call(function, a="1", b=2)
    assert seen == [{"a": 1, "b": 2}]


@pytest.fixture
def received(call):
    """What a function receives for an argument with an annotation."""

    def receive(annotation, value, text=None):
        seen = []

        def function(x):
            seen.append(x)

        function.__annotations__["x"] = annotation
        outcome = call(function, x=JsonParameter(value, text))
        assert outcome.failure == ""
        return seen[0]

    return receive


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (int, 3, 3),
        (int, "3", 3),
        (int, 3.0, 3),
        (float, 3, 3.0),
        (float, "3.5", 3.5),
        (bool, True, True),
        (bool, "true", True),
        (bool, "no", False),
        (bool, 0, False),
        (list, [1, "a"], [1, "a"]),
        (dict, {"a": [1]}, {"a": [1]}),
        (list[int], [1, "2"], [1, 2]),
        (list[str], [1, "2"], ["1", "2"]),
        (dict[int, str], {"1": "a"}, {1: "a"}),
        (tuple[int, str], [1, "a"], (1, "a")),
        (set[int], [1, 1], {1}),
        (Sequence[int], ["1"], [1]),
        (dict[str, list[Optional[int]]], {"a": ["1", None]}, {"a": [1, None]}),
        (Optional[int], None, None),
        (Optional[int], "4", 4),
        (int | None, 4, 4),
        (int | str, "4", "4"),
        (Union[int, str], 4, 4),
        (None, None, None),
        (Literal["a", "b"], "a", "a"),
        (Color, "red", Color.RED),
        (date, "2024-02-29", date(2024, 2, 29)),
        (datetime, "2024-02-29T10:00:00", datetime(2024, 2, 29, 10)),  # noqa: DTZ001 - as it was written
        (timedelta, "PT1M", timedelta(minutes=1)),
        (Decimal, "1.10", Decimal("1.10")),
        (Path, "a/b", Path("a/b")),
        (Point, {"x": "1"}, Point(x=1)),
        (Optional[Point], {"x": 1, "y": 2}, Point(x=1, y=2)),
        (list[Point], [{"x": 1}], [Point(x=1)]),
        (StrictDay, {"day": "2024-02-29"}, StrictDay(day=date(2024, 2, 29))),
        (Size, {"width": "2"}, Size(2)),
        (dict[str, Size], {"a": {"width": 1, "height": 2}}, {"a": Size(1, 2.0)}),
        (Pair, {"left": 1, "right": 2}, Pair(1, 2)),
        (Pair, [1, 2], Pair(1, 2)),
        (Options, {"depth": 3}, {"depth": 3}),
        (Annotated[int, Field(gt=0)], "3", 3),
        (Any, "3", "3"),
        (object, {"a": 1}, {"a": 1}),
        (Anything, 3, 3),
    ],
)
def test_a_value_becomes_what_the_annotation_names(received, annotation, value, expected):
    given = received(annotation, value)
    assert given == expected
    assert type(given) is type(expected)


@pytest.mark.parametrize(
    ("annotation", "value", "text", "expected"),
    [
        (str, "a", None, "a"),
        (str, 3, "3", "3"),
        (str, 1.0, "1.00", "1.00"),
        (str, 100000.0, "1e5", "1e5"),
        (str, True, "true", "true"),
        (str, None, "null", "null"),
        (str, {"a": 1}, '{"a":1}', '{"a":1}'),
        (str, 3, None, "3"),
        (str, 0.5, None, "0.5"),
        (str, True, None, "true"),
        (Optional[str], 3, "03", "03"),
        (str | None, None, "null", None),
        (Optional[str], 3, None, "3"),
        (UserId, 3, "3", "3"),
        (Annotated[str, Field(max_length=3)], 1.0, "1.0", "1.0"),
        (Path, 3, "3", Path("3")),
        (Literal["1", "2"], 1, "1", "1"),
        (int, 3, "3", 3),
        (int | str, 3, "3", 3),
        (Any, 3, "3", 3),
    ],
)
def test_text_is_what_was_typed_or_the_json_text(received, annotation, value, text, expected):
    given = received(annotation, value, text)
    assert given == expected
    assert type(given) is type(expected)


def test_without_an_annotation_it_is_the_json_value(call):
    seen = []
    call(lambda x, *_: seen.append(x), x=JsonParameter(3, "3"))
    assert seen == [3]


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (
            int,
            "abc",
            (
                "the argument 'x' of f() must be int, but is \"abc\": "
                "Input should be a valid integer, unable to parse string as an integer"
            ),
        ),
        (
            list[int],
            [1, "b"],
            (
                "the argument 'x' of f() must be list[int], but is [1, \"b\"]: "
                "[1]: Input should be a valid integer, unable to parse string as an integer"
            ),
        ),
        (
            Point,
            {"y": "b"},
            (
                "the argument 'x' of f() must be Point, but is {\"y\": \"b\"}: ['x']: Field required; "
                "['y']: Input should be a valid integer, unable to parse string as an integer"
            ),
        ),
        (str, None, "the argument 'x' of f() must be str, but is null: Input should be a valid string"),
        (str, [1], "the argument 'x' of f() must be str, but is [1]: Input should be a valid string"),
        (
            Optional[bool],
            3,
            "the argument 'x' of f() must be Optional[bool], but is 3: Input should be a valid boolean, unable to interpret input",
        ),
        (
            BaseException,
            3,
            "the argument 'x' of f() must be BaseException, but is 3: Input should be an instance of BaseException",
        ),
    ],
)
def test_a_wrong_type_names_function_argument_value_and_type(call, annotation, value, expected):
    def function(x):
        pytest.fail("it must not be called")

    function.__annotations__["x"] = annotation
    with pytest.raises(TaskFailed) as caught:
        call(function, x=value)
    assert str(caught.value) == expected


@pytest.mark.parametrize("annotation", ["Nowhere", Opaque])
def test_an_annotation_that_cannot_be_checked_is_a_clear_failure(call, annotation):
    @dataclass
    class Holder:
        inside: annotation

    def function(x: Holder):
        pytest.fail("it must not be called")

    with pytest.raises(TaskFailed) as caught:
        call(function, x={"inside": 1})
    assert str(caught.value).startswith("the argument 'x' of f() must be ")
    assert "pydantic cannot check this annotation: " in str(caught.value)


def test_a_long_value_and_many_reasons_are_cut_in_messages(call):
    def function(x: list[int]):
        pytest.fail("it must not be called")

    with pytest.raises(TaskFailed) as caught:
        call(function, x=["abc"] * 1000)
    message = str(caught.value)
    assert len(message) < 500
    assert "...: [0]: Input should be" in message
    assert message.endswith("; and 997 more")


def test_a_function_cannot_change_a_parameter_in_place(call):
    given = {"a": [{"b": 1}]}

    def function(x, y: dict, z: list[dict]):
        x["a"][0]["b"] = y["a"][0]["b"] = z[0]["b"] = 2

    outcome = call(function, x=given, y=given, z=given["a"])
    assert outcome.failure == ""
    assert given == {"a": [{"b": 1}]}
    assert outcome.arguments["x"] == {"a": [{"b": 1}]}


def test_a_model_takes_the_parameter_of_its_name_and_no_other(call):
    seen = []

    def function(point: Point, **rest):
        seen.append((point, rest))

    call(function, point={"x": 1}, x=5, y=6)
    assert seen == [(Point(x=1), {"x": 5, "y": 6})]


def test_a_model_without_a_parameter_of_its_name_is_missing(call):
    def function(point: Point):
        pytest.fail("it must not be called")

    with pytest.raises(TaskFailed) as caught:
        call(function, x=5, y=6)
    expected = "f() needs the argument 'point', and there is no such parameter; the parameters are: x, y"
    assert str(caught.value) == expected


def test_what_was_handed_is_the_json_it_came_from(call):
    def function(point: Point, text: str):
        raise ValueError

    outcome = call(function, point={"x": "1"}, text=JsonParameter(3, "3"))
    assert outcome.failure.startswith("ValueError")
    assert outcome.arguments == {"point": {"x": "1"}, "text": 3}


def test_a_metric_is_handed_as_its_value(call):
    seen = []

    def function(loss: float):
        seen.append(loss)

    call(function, loss=MetricParameter(math.inf))
    assert seen == [math.inf]


def test_an_object_needs_a_catalog(call):
    with pytest.raises(TaskFailed) as caught:
        call(lambda model: None, model=ObjectParameter("model", "abc"))
    expected = "'model' is an object, and no catalog is at hand"
    assert str(caught.value) == expected


def test_a_validator_that_crashes_is_an_error_of_user_code(call):
    class Fragile(BaseModel):
        x: int

        @field_validator("x")
        @classmethod
        def crash(cls, value):
            raise KeyError("no")

    def function(fragile: Fragile):
        pytest.fail("it must not be called")

    with pytest.raises(TaskFailed, match=r"^KeyError: 'no' \(.*test_python_arguments\.py:\d+ in crash\)$"):
        call(function, fragile={"x": 1})


def test_annotations_in_text_are_understood(user_folder):
    user_folder.write(
        "later.py",
        """
        from __future__ import annotations
        from dataclasses import dataclass
        from typing import Optional

        def f(a: int, b: list[Size], c: Optional[str] = None):
            return {"a": a, "b": b[0].width, "c": c}

        @dataclass
        class Size:
            width: int
        """,
    )
    outcome = user_folder.run("later.f", a="1", b=[{"width": "2"}], c=3)
    assert {name: one.value for name, one in outcome.parameters.items()} == {"a": 1, "b": 2, "c": "3"}


def test_annotations_with_text_inside_are_understood(user_folder):
    user_folder.write(
        "inside.py",
        """
        from pydantic import BaseModel

        def f(points: list["Point"]):
            return {"x": points[0].x}

        class Point(BaseModel):
            x: int
        """,
    )
    assert user_folder.run("inside.f", points=[{"x": "2"}]).parameters == {"x": JsonParameter(2)}


def test_a_type_imported_for_type_checkers_alone_means_the_json_value(user_folder):
    user_folder.write(
        "checked.py",
        """
        from __future__ import annotations
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from nowhere import Frame

        def f(frame: Frame, n: int):
            return {"frame": frame, "n": n}
        """,
    )
    outcome = user_folder.run("checked.f", frame=[1], n="2")
    assert outcome.parameters == {"frame": JsonParameter([1]), "n": JsonParameter(2)}


def test_methods_partials_wrappers_instances_and_classes_are_called_as_functions(call):
    class Adder:
        def __init__(self, a: int):
            self.a = a

        def __call__(self, b: int):
            return {"sum": self.a + b}

        def method(self, c: int):
            return {"sum": self.a + c}

        @classmethod
        def make(cls, d: int):
            return {"sum": d}

    def plain(a: int, b: int):
        return {"sum": a + b}

    @wraps(plain)
    def wrapper(*args, **kwargs):
        return plain(*args, **kwargs)

    for function in (Adder(1), Adder(1).method, Adder.make, partial(plain, b=1), partial(plain, 1), wrapper):
        outcome = call(function, a="1", b="1", c="1", d="2")
        assert outcome.parameters == {"sum": JsonParameter(2)}, function


def test_a_dataclass_is_made_from_parameters_and_returned(call):
    assert call(Size, width="3").parameters == {"width": JsonParameter(3), "height": JsonParameter(1.0)}


def test_a_function_whose_arguments_cannot_be_found_out_is_refused(call):
    with pytest.raises(TaskFailed) as caught:
        call(type, x=1)
    assert str(caught.value) == "the arguments of f() cannot be found out; call it from a function of your own"
