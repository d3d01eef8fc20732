"""Parameters as text: in the environment and in the parameters file."""

import json
from pathlib import Path

import pytest

from magnus.engine.interaction.channel import ParametersFile
from magnus.engine.interaction.current_step import CurrentStep
from magnus.engine.values.parameter_values import (
    LONGEST_ENTRY,
    LONGEST_VARIABLE,
    MOST_IN_ENVIRONMENT,
    Texts,
    environment,
    map_variable,
)
from magnus.graph.path import StepPath
from magnus.run_log.parameters import JsonParameter, LargeParameter, MetricParameter

VALUES = {
    "text": "a\nb",
    "number": 7,
    "real": 0.5,
    "truth": True,
    "nothing": None,
    "list": ["ä", {"b": 1}],
    "long": list(range(1000)),
    "odd \"name'": {"k": "v"},
}


@pytest.fixture
def texts():
    return Texts()


def scope_of(values):
    return {name: JsonParameter(value) for name, value in values.items()}


def test_the_environment_has_text_as_it_is_and_everything_else_as_json(texts):
    for _ in range(2):
        variables = environment(scope_of(VALUES), texts)
        assert variables["MAGNUS_PRM_text"] == "a\nb"
        assert variables["MAGNUS_PRM_truth"] == "true"
        assert variables["MAGNUS_PRM_number"] == "7"
        found = {name.removeprefix("MAGNUS_PRM_"): value for name, value in variables.items() if "text" not in name}
        assert {name: json.loads(value) for name, value in found.items()} == {
            n: v for n, v in VALUES.items() if n != "text"
        }


def test_what_an_environment_cannot_hold_is_left_out(texts):
    left_out = {"zero": "a\0b", "a=b": 1, "large": "x" * 65_537}
    assert environment(scope_of({**left_out, "kept": "x" * 65_536}), texts).keys() == {"MAGNUS_PRM_kept"}


@pytest.mark.parametrize("more", [{}, {"half": "\ud800"}], ids=["", "half of a surrogate pair"])
def test_the_file_has_all_of_them_and_nothing_of_the_step_before(tmp_path, texts, more):
    with ParametersFile(tmp_path) as file:
        file.write(scope_of({**VALUES, **more, "more": "x" * 10_000}), texts)
        path = file.write({**scope_of({**VALUES, **more}), "metric": MetricParameter(1.5)}, texts)
        assert json.loads((tmp_path / "parameters.json").read_bytes()) == {**VALUES, **more, "metric": 1.5}
        assert path == str(tmp_path / "parameters.json")


def test_a_long_text_is_made_once_for_one_parameter_and_anew_for_another(texts):
    first, second = JsonParameter(list(range(1000))), JsonParameter(list(range(1, 1001)))
    assert texts(first) is texts(first)
    assert json.loads(texts(second)) == second.value
    for number in range(100):
        assert json.loads(texts(JsonParameter([number] * 500))) == [number] * 500


class Counting:
    """The contents of large values, and how often somebody read one."""

    def __init__(self, content):
        self.known, self.reads = content, 0

    def content(self, parameter):
        del parameter
        self.reads += 1
        return self.known


def large(value):
    content = json.dumps(value).encode()
    return LargeParameter(".parameters/x.json", "0a" * 32, len(content), contents=Counting(content))


def test_a_large_value_is_not_read_to_find_out_that_no_environment_holds_it(texts):
    parameter = large(["x"] * LONGEST_VARIABLE * 2)
    assert environment({"x": parameter, "y": JsonParameter(1)}, texts) == {"MAGNUS_PRM_y": "1"}
    assert parameter.contents.reads == 0


def test_the_name_counts_in_what_an_environment_can_hold(texts):
    value, long = "x" * LONGEST_VARIABLE, "n" * (LONGEST_ENTRY - LONGEST_VARIABLE - len("MAGNUS_PRM_=\0"))
    assert environment({long: JsonParameter(value)}, texts) == {f"MAGNUS_PRM_{long}": value}
    assert environment({long + "n": JsonParameter(value)}, texts) == {}
    assert environment({"ü" * len(long): JsonParameter(value)}, texts) == {}


def test_the_largest_parameters_are_left_out_where_all_are_too_large_together(texts):
    values = {f"p{number}": JsonParameter("x" * (60_000 - number)) for number in range(40)}
    found = environment({**values, "small": JsonParameter(1)}, texts)
    assert list(found) == [*(f"MAGNUS_PRM_p{number}" for number in range(32, 40)), "MAGNUS_PRM_small"]
    assert sum(len(name) + len(text) + 2 for name, text in found.items()) <= MOST_IN_ENVIRONMENT


def test_one_that_may_fit_is_in_the_environment_as_ever(texts):
    assert environment({"x": large("\n" * 50_000)}, texts) == {"MAGNUS_PRM_x": "\n" * 50_000}
    assert environment({"x": large([1, {"a": None}])}, texts) == environment(
        {"x": JsonParameter([1, {"a": None}])}, texts
    )


def test_the_file_has_large_values_which_are_read_once(tmp_path, texts):
    parameter, second = large(["x"] * 10_000), large({"y": 1})
    with ParametersFile(tmp_path) as file:
        for number in range(3):
            scope = {"n": JsonParameter(number), "x": parameter, "z": second}
            assert json.loads(Path(file.write(scope, texts)).read_bytes()) == {
                "n": number,
                "x": ["x"] * 10_000,
                "z": {"y": 1},
            }
    assert parameter.contents.reads == 1


@pytest.mark.parametrize("more", [{}, {"a": 1}, {"b": "y" * 9000}, {"b": "\udcff" * 9000}, {"c": "\udcff"}])
def test_long_members_that_come_and_go_leave_nothing_behind(tmp_path, texts, more):
    long = JsonParameter("x" * 10_000)
    others = {name: JsonParameter(value) for name, value in more.items()}
    with ParametersFile(tmp_path) as file:
        for scope in ({"x": long}, {"x": long, **others}, {**others}, {"x": long}, {}, {"x": long, **others}):
            written = json.loads(Path(file.write(scope, texts)).read_bytes())
            assert written == {name: parameter.value for name, parameter in scope.items()}


@pytest.mark.parametrize("long", [{}, {"x": JsonParameter("x" * 10_000)}])
@pytest.mark.parametrize("change", [lambda text: text + b", and more", lambda text: text[:3], lambda _text: b""])
def test_what_a_task_does_to_the_file_is_gone_in_the_next_step(tmp_path, texts, change, long):
    with ParametersFile(tmp_path) as file:
        for number in (1, 2, 3):
            scope = {"n": JsonParameter(number), **long}
            written = Path(file.write(scope, texts))
            assert json.loads(written.read_bytes()) == {name: parameter.value for name, parameter in scope.items()}
            with written.open("r+b") as opened:
                changed = change(opened.read())
                opened.seek(0)
                opened.write(changed)
                opened.truncate()


def test_asking_for_one_parameter_reads_no_other():
    parameter = large(["x"])
    step = CurrentStep("run", "", StepPath(("s",)), {"x": parameter, "n": JsonParameter(1)})
    assert step.answer("get_parameter", {"name": "N"}) == 1
    assert parameter.contents.reads == 0
    assert step.answer("get_parameters", {}) == {"x": ["x"], "n": 1}


def test_the_elements_of_maps_are_a_variable_when_an_environment_can_hold_them():
    assert map_variable({}) is None
    assert map_variable({"i": 1, "x": large("text")}) == '{"i": 1, "x": "text"}'
    assert map_variable({"i": "x" * LONGEST_VARIABLE}) is None
    unread = large("x" * LONGEST_VARIABLE * 7)
    assert map_variable({"i": 1, "x": unread}) is None
    assert unread.contents.reads == 0
