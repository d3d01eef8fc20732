"""What may be left out means what is written in full, and mistakes in it are named where they are written."""

import json

import pytest

from magnus.definition.loader import examine, load
from magnus.errors import in_order

SHORT = """\
dag:
  steps:
    on:
      command: w.f
      returns: [y: metric, {name: z}, plain, t: object:npy]
    "1": {type: parallel, branches: {no: {command: w.g}, b: {type: as-is, k: 1}}}
    end: {type: success}
    each: {type: map, iterate_on: y, iterate_as: i, branch: {command: w.h, returns: {name: object}}, on_failure: {command: w.m, next: fail}}
    loop: {type: loop, max_iterations: 2, branch: {type: dag, dag: {command: w.h}}}
"""
LONG = """\
dag:
  start_at: "on"
  steps:
    on:
      command: w.f
      returns: [{name: y, kind: metric}, {name: z}, plain, {name: t, kind: object, format: npy}]
      next: "1"
    "1":
      type: parallel
      next: each
      branches:
        no: {start_at: g, steps: {g: {command: w.g, next: success}}}
        b: {start_at: stub, steps: {stub: {type: stub, k: 1, next: success}}}
    end: {type: success}
    each:
      type: map
      iterate_on: y
      iterate_as: i
      branch: {start_at: h, steps: {h: {command: w.h, returns: [{name: name, kind: object}], next: success}}}
      on_failure: {start_at: m, steps: {m: {command: w.m, next: fail}}}
      next: loop
    loop:
      type: loop
      max_iterations: 2
      next: end
      branch:
        start_at: dag
        steps:
          dag: {type: dag, dag: {start_at: h, steps: {h: {command: w.h, next: success}}}, next: success}
"""


def examined(tmp_path, text, name="p.yaml"):
    file = tmp_path / name
    file.write_text(text)
    return examine(str(file), {})


def said(tmp_path, text, name="p.yaml"):
    problems = in_order(examined(tmp_path, text, name).problems)
    return [str(problem).partition("\n")[0].replace(f"{tmp_path}/", "") for problem in problems]


def warnings(tmp_path, text):
    return [(warning.location.line, warning.message) for warning in examined(tmp_path, text).pipeline.warnings]


def test_short_and_long_are_one_pipeline(tmp_path):
    short, long = (examined(tmp_path, text).pipeline for text in (SHORT, LONG))
    assert short.graph == long.graph
    assert short.dag_hash == long.dag_hash
    assert short.warnings == long.warnings == ()


def test_what_a_run_records_is_short_for_nothing(tmp_path):
    dag = examined(tmp_path, SHORT).pipeline.dag
    (tmp_path / "again.json").write_text(json.dumps({"dag": dag}))
    again = load(str(tmp_path / "again.json"), {})
    assert again.dag == dag
    assert dag["start_at"] == "on"
    assert [step.get("next") for step in dag["steps"].values()] == ["1", "each", None, "loop", "end"]


def test_an_included_file_may_be_short(tmp_path):
    (tmp_path / "inner.yaml").write_text("dag:\n  steps:\n    a: {command: w.f}\n    b: {type: stub}\n")
    pipeline = examined(tmp_path, "dag:\n  steps:\n    d: {type: dag, dag_definition: inner.yaml}\n").pipeline
    [inner] = pipeline.graph.nodes["d"].branches.graphs.values()
    assert [inner.start_at, inner.nodes["a"].next, inner.nodes["b"].next] == ["a", "b", "success"]
    [included] = pipeline.included.values()
    assert included["start_at"] == "a"


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ("{command: w.g}", "{comand: w.g}", "comand", "step '1/no/task': unknown field 'comand'"),
        ("{command: w.g}", "{command: w.g, nxt: success}", "nxt", "step '1/no/g': unknown field 'nxt'"),
        ("{command: w.g}", "{command: w.g, next: a}", "next: a}", "step '1/no/g': next names 'a', which is not a step"),
        ("{command: w.g}", "{command: [w.g]}", "command: [", "step '1/no/task': command must be text, not ['w.g']"),
        ("{command: w.g}", '{command: "${x}"}', '"${x}', "step '1': the variable 'x' is not set"),
        ("{command: w.g}", "{command: w.g, timeout: .nan}", ".nan", ".nan is no JSON value"),
        ("{command: w.g}", "{}", "no:", "'steps' is missing"),
        ("{command: w.g}", "{type: tsk, command: w.g}", "type: tsk", "step '1/no/task': unknown node type 'tsk'"),
        ("y: metric", "y: metrik", "y: metrik",
         "step 'on': returns.0.kind must be 'json', 'object' or 'metric', not 'metrik'"),
        ("t: object:npy", "t: metric:npy", "t: metric:npy",
         "step 'on': returns.3.kind must be 'json', 'object' or 'metric', not 'metric:npy'"),
        ("y: metric", "y: .inf", ".inf", ".inf is no JSON value"),
        ("{name: object}", "{name: [object]}", "name: [",
         "step 'each/h': returns.0.kind must be 'json', 'object' or 'metric', not ['object']"),
        ("dag: {command: w.h}", "dag: {command: w.h, timeout: 0}", "timeout", "step 'loop/dag/h': timeout must be more than 0, not 0"),
        ("next: fail}", "next: fial}", "next: fial", "step 'each/m': next names 'fial', which is not a step"),
    ],
)  # fmt: skip
def test_mistakes_are_named_where_they_are_written(tmp_path, old, new, at, message):
    assert old in SHORT
    text = SHORT.replace(old, new)
    before = text[: text.index(at)]
    line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
    assert [each for each in said(tmp_path, text) if "error:" in each] == [f"p.yaml:{line}:{column}: error: {message}"]


def test_places_in_json(tmp_path):
    text = '{"dag": {"steps": {\n"m": {"type": "map", "iterate_on": "x", "iterate_as": "y",\n"branch": {"comand": "w.f"}}}}}'
    assert said(tmp_path, text, "p.json") == ["p.json:3:12: error: step 'm/task': unknown field 'comand'"]


def test_the_steps_may_be_misspelt_too(tmp_path):
    assert said(tmp_path, SHORT.replace("  steps:", "  stps:")) == ["p.yaml:2:3: error: unknown field 'stps'"]


BEHIND_A_FAILURE = """\
dag:
  steps:
    a: {command: w.f, next: c, on_failure: mend}
    mend: {command: w.m}
    b: {command: w.g}
    c: {command: w.h}
"""


def test_a_step_behind_one_that_only_failures_lead_to_is_a_warning(tmp_path):
    message = "'b' follows this step, which runs after a failure, only because it is written below it"
    assert warnings(tmp_path, BEHIND_A_FAILURE) == [(4, message)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{command: w.m}", "{command: w.m, next: b}"),
        ("{command: w.m}", "{command: w.m, next: c}"),
        ("next: c, ", ""),
        ("next: c", "next: b"),
        ("next: c", "next: mend"),
    ],
    ids=["said", "past it", "nobody says next", "something else leads to it", "success leads to it too"],
)
def test_what_is_meant_is_no_warning(tmp_path, old, new):
    messages = [message for _, message in warnings(tmp_path, BEHIND_A_FAILURE.replace(old, new))]
    assert [message for message in messages if message != "nothing leads to this step"] == []


def test_a_variable_in_place_of_the_type_may_stand_for_an_end(tmp_path):
    (tmp_path / "p.yaml").write_text("dag:\n  steps:\n    a: {command: w.f}\n    b: {type: '${t}'}\n")
    assert load(str(tmp_path / "p.yaml"), {"MAGNUS_VAR_t": "success"}).graph.nodes["b"].succeeds


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"command": "pkg.module.function"}, "function"),
        ({"command": "pipeline.py:average"}, "average"),
        ({"command": "a/b/clean up.v2.ipynb", "command_type": "notebook"}, "clean up_v2"),
        ({"command": "/usr/bin/python3.11 x.py", "command_type": "shell"}, "python3_11"),
        ({"command": "  \n", "command_type": "shell"}, "shell"),
        ({"command": "lambda x: x.y", "command_type": "python-lambda"}, "task"),
        ({"command": "$${x}.fit"}, "fit"),
        ({"command": "w.$${x}"}, "task"),
        ({"type": "stub"}, "stub"),
    ],
)
def test_a_lone_step_is_named_after_what_it_runs(tmp_path, fields, name):
    step = {"type": "map", "iterate_on": "xs", "iterate_as": "x", "branch": fields}
    pipeline = examined(tmp_path, json.dumps({"dag": {"steps": {"m": step}}})).pipeline
    assert pipeline.graph.nodes["m"].branches.graph.start_at == name
