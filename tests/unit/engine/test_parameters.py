"""Parameters as text: in the environment and in the parameters file."""

import json

import pytest

from magnus.engine.parameters import Texts, environment
from magnus.engine.parameters_file import ParametersFile
from magnus.run_log.parameters import JsonParameter, MetricParameter

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
