"""The parameters a run begins with: which source says what, names with dots and hyphens, values that JSON cannot hold."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from magnus.app.parameters.initial_parameters import explicit_names, initial_parameters
from magnus.engine.values.parameter_values import from_text
from magnus.errors import InvalidParameters
from magnus.run_log.parameters import JsonParameter, ObjectParameter

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


def test_later_parameters_win_and_texts_are_kept(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text("a: 1\nb: 1\nc: [1, 2]\nd: 2020-01-02\n")
    found = initial_parameters(
        str(file), {"MAGNUS_PRM_b": "2", "MAGNUS_PRM_": "x", "b": "9"}, {"e": "007", "f": "1"}, {"f": 2}
    )
    assert found.scope == {
        "a": JsonParameter(1),
        "b": JsonParameter(2, "2"),
        "c": JsonParameter([1, 2]),
        "d": JsonParameter("2020-01-02"),
        "e": JsonParameter("007", "007"),
        "f": JsonParameter(2),
    }
    assert found.warnings == ()


def test_functions_get_no_quotes_of_json_around_a_text():
    found = initial_parameters("", {"MAGNUS_PRM_a": '"007"'}, {"b": '"007"', "c": "007"}, {})
    assert {*found.scope.values()} == {JsonParameter("007", "007")}


def test_names_that_differ_by_case_are_a_warning():
    [warning] = initial_parameters("", {"MAGNUS_PRM_Rate": "1"}, {"rate": "2"}, {}).warnings
    assert str(warning) == "warning: the parameters 'Rate' and 'rate' differ only by case\n  fix: rename one of them"


def test_a_parameters_file_that_is_no_mapping(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text("7\n")
    with pytest.raises(InvalidParameters, match="the parameters file must be a mapping of names to values"):
        initial_parameters(str(file), {}, {}, {})


def test_what_looks_like_a_variable_in_a_parameters_file_is_a_warning(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text('rate: 1\nfolder: ["${home}/x", "${other}"]\nprice: $5\n')
    found = initial_parameters(str(file), {"MAGNUS_VAR_home": "/h"}, {}, {})
    [warning] = found.warnings
    assert found.scope["folder"] == JsonParameter(["${home}/x", "${other}"])
    assert str(warning).replace(f"{tmp_path}/", "") == (
        "p.yaml:2:10: warning: the value of 'folder' keeps its '${...}': "
        "variables are replaced in the pipeline and the configuration\n"
        "  fix: give the value itself, or as --folder VALUE or MAGNUS_PRM_folder"
    )


def said(*sources, base=None):
    with pytest.raises(InvalidParameters) as caught:
        initial_parameters(*sources, base)
    return [f"{problem.message}|{problem.fix}" for problem in caught.value.problems]


@pytest.mark.slow
@given(VALUES)
@example({"lr": 1e-05, "big": 1e22, "small": 5e-324, "face": "\U0001f600", "no": "no", "day": "2020-01-01"})
@example("1e-3")
@example(10**4299)
def test_one_json_value_is_the_same_by_every_source(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("sources")
    text = json.dumps(value)
    (folder / "p.json").write_text(json.dumps({"v": value}))
    (folder / "p.yaml").write_text(f"v: {text}\n" if "\\u" not in text else json.dumps({"v": value}))
    sources = [
        (str(folder / "p.json"), {}, {}, {}),
        (str(folder / "p.yaml"), {}, {}, {}),
        ("", {"MAGNUS_PRM_v": text}, {}, {}),
        ("", {}, {"v": text}, {}),
        ("", {}, {}, {"v": value}),
    ]
    found = [initial_parameters(*source).scope["v"].value for source in sources]
    assert [json.dumps(each) for each in found] == [text] * 5
    assert json.dumps(from_text(text).value) == text


@pytest.mark.parametrize(
    "text", ["1e400", "[-1e999]", "9" * 4301, '"\\ud800"', "[" * 201 + "]" * 201, '{"a": 1, "a": 2}']
)
def test_json_that_no_parameter_can_be_is_refused_by_every_source(tmp_path, text):
    (tmp_path / "p.json").write_text(f'{{"v": {text}}}')
    [by_file] = said(str(tmp_path / "p.json"), {}, {}, {})
    [by_variable] = said("", {"MAGNUS_PRM_v": text}, {}, {})
    [by_option] = said("", {}, {"v": text}, {})
    assert by_variable.startswith("the value of MAGNUS_PRM_v ")
    assert by_option.startswith("the value of --v ")
    assert by_file


@pytest.mark.parametrize(
    "text", ["NaN", "-Infinity", "nan", ".inf", "007", "1_000", "0x10", "12:30", "yes", "{a: 1}", "'a'"]
)
def test_what_is_no_json_is_text_in_variables_and_options(text):
    found = initial_parameters("", {"MAGNUS_PRM_a": text}, {"b": text}, {}).scope
    assert found == {"a": JsonParameter(text, text), "b": JsonParameter(text, text)}


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": [1, -Infinity]}'])
def test_a_json_file_with_what_python_writes_for_infinities_is_refused_at_its_place(tmp_path, text):
    (tmp_path / "p.json").write_text(f'{{"x": 1,\n "v": {text}}}')
    with pytest.raises(
        InvalidParameters,
        match=rf"p.json:2:{7 + text.find(text.strip('[]{}').split()[-1].strip('}]'))}: .*is no JSON value",
    ):
        initial_parameters(str(tmp_path / "p.json"), {}, {}, {})


BASE = {"model": JsonParameter({"test_size": 0.25, "name": "x", "layers": [1, 2], "none": None, "in.side": 1})}


@pytest.mark.parametrize(
    ("name", "text", "path", "value"),
    [
        ("model.test_size", "0.4", ("test_size",), 0.4),
        ("model.test_size", "1", ("test_size",), 1),
        ("model.test-size", "1", ("test_size",), 1),
        ("model.name", "7", ("name",), "7"),
        ("model.name", "null", ("name",), "null"),
        ("model.layers", "[3]", ("layers",), [3]),
        ("model.layers.1", "5", ("layers", 1), 5),
        ("model.none", "[3]", ("none",), [3]),
        ("model.test_size", "null", ("test_size",), None),
        ("model.in.side", "2", ("in.side",), 2),
    ],
)
def test_a_name_with_dots_overrides_inside_a_mapping(name, text, path, value):
    found = initial_parameters("", {}, {name: text}, {}, BASE)
    inside = found.scope["model"].value
    for key in path:
        inside = inside[key]
    assert inside == value
    assert found.scope.keys() == {"model"}
    assert BASE["model"].value["layers"] == [1, 2]


def test_names_with_dots_count_behind_whole_parameters_of_the_same_source(tmp_path):
    (tmp_path / "p.yaml").write_text("model.a: 2\nmodel: {a: 1, b: 1}\n")
    found = initial_parameters(str(tmp_path / "p.yaml"), {"MAGNUS_PRM_model.b": "3"}, {}, {})
    assert found.scope == {"model": JsonParameter({"a": 2, "b": 3})}
    assert explicit_names(({"model.b": 3},), {}, found.scope) == {"model"}


def test_a_name_with_dots_that_is_there_is_that_parameter():
    assert initial_parameters("", {}, {"a.b": "2"}, {}, {"a.b": JsonParameter(1)}).scope == {
        "a.b": JsonParameter(2, "2")
    }


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("modl.x", "1", "--modl.x overrides inside the mapping 'modl', and there is no parameter of that name|did you mean 'model'?"),
        ("q.x", "1", "--q.x overrides inside the mapping 'q', and there is no parameter of that name|give 'q' first, in a parameters file for one"),
        ("model.tst_size", "1", "--model.tst_size: 'model' has no 'tst_size'|did you mean 'model.test_size'?"),
        ("model.test_size", "a", "--model.test_size: 'model.test_size' is a number (0.25), not text ('a')|give a number"),
        ("model.test_size", "true", "--model.test_size: 'model.test_size' is a number (0.25), not true or false (true)|give a number"),
        ("model.test_size.x", "1", "--model.test_size.x: 'model.test_size' is a number, not a mapping|name something inside a mapping"),
        ("model.layers.2", "1", "--model.layers.2: the list 'model.layers' has no '2'|name one of its 2 elements, from 0"),
        ("model.layers.-1", "1", "--model.layers.-1: the list 'model.layers' has no '-1'|name one of its 2 elements, from 0"),
        ("o.x", "1", "--o.x overrides inside 'o', which is an object|give a parameter that is a mapping"),
    ],
)  # fmt: skip
def test_a_name_with_dots_that_leads_nowhere(name, text, message):
    base = {**BASE, "o": ObjectParameter("o", "0" * 64, 1)}
    assert said("", {}, {name: text}, {}, base=base) == [message]


def test_a_hyphen_stands_for_an_underscore_where_there_is_no_other_parameter(tmp_path):
    (tmp_path / "p.yaml").write_text("learning_rate: 1\nbatch-size: 2\nbatch_size: 3\n")
    options = {"learning-rate": "4", "batch-size": "5", "new-one": "6"}
    found = initial_parameters(str(tmp_path / "p.yaml"), {}, options, {})
    values = {name: parameter.value for name, parameter in found.scope.items()}
    assert values == {"learning_rate": 4, "batch-size": 5, "batch_size": 3, "new-one": 6}
    [note] = found.warnings
    assert (note.message, note.fix) == (
        "--learning-rate fills the parameter 'learning_rate'; there is none called 'learning-rate'",
        "write --learning_rate",
    )
