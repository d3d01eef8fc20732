"""What tasks leave beside what they return: variables, metrics of every shape, values without a name, objects, loops."""

import json
import sys

import nbformat
import pytest

from magnus import Loop, Map, NotebookTask, Pipeline, PythonTask, ShellTask, Task, metric
from magnus.errors import RunFailed

WORK = """\
import argparse
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import BaseModel

import magnus


class Model(BaseModel):
    a: int
    when: date


class Everything(BaseModel):
    eggs: Model
    name: str


@dataclass
class Point:
    x: int


def variables():
    os.environ["MAGNUS_PRM_spam"] = "World"
    os.environ["MAGNUS_PRM_Nested"] = '{"a": [1, null]}'
    os.environ["MAGNUS_PRM_number"] = "007"
    os.environ["MAGNUS_TRACK_variance"] = "0.6"
    os.environ["MAGNUS_TRACK_loss_STEP_3"] = "0.5"
    os.environ.pop("MAGNUS_PRM_known", None)
    os.environ["MAGNUS_PRM_same"] = os.environ["MAGNUS_PRM_same"]

def fails_after_variables():
    variables()
    raise ValueError("on purpose")

def bytes_that_are_no_text():
    os.environb[b"MAGNUS_PRM_odd"] = b"\\xff"

def all_ways():
    os.environ.update(MAGNUS_PRM_x="variable", MAGNUS_PRM_y="variable", MAGNUS_PRM_z="variable")
    magnus.set_parameter(x="function", y="function")
    os.environ["MAGNUS_TRACK_m"] = "1"
    magnus.track_this(m=2)
    return {"x": "result"}

def secret():
    os.environ["MAGNUS_TRACK_leak"] = magnus.get_secret("TOKEN")

def mapping(): return {"precision": 0.5, "0": 1}
def tracks():
    magnus.track_this(model=Point(1), counted={"0": 1})
    magnus.track_this(step=0, loss=1.5)
    magnus.track_this(step=1, loss={"train": 1, "test": 2})
def odd_step(): magnus.track_this(step="first", loss=1)

def casts():
    eggs = magnus.get_parameter("eggs", cast_as=Model)
    many = magnus.get_parameter("many", cast_as=list[Point])
    nothing = magnus.get_parameter("nothing", cast_as=Model | None)
    everything = magnus.get_parameter(cast_as=Everything)
    called = magnus.get_parameter("name", cast_as=lambda name: name * 2)
    path = magnus.get_parameter("name", cast_as=Path)
    assert (eggs, many) == (Model(a=1, when=date(2026, 1, 2)), [Point(1), Point(2)])
    assert (nothing, everything, path) == (None, Everything(eggs=eggs, name="spam"), Path("spam"))
    magnus.set_parameter(called=called)
def casts_in_vain(): magnus.get_parameter("name", cast_as=Model)

def puts():
    magnus.put_object({1, 2}, "data")
    magnus.put_object({3}, "free")
def gets(data, free):
    assert (data, free) == ([1], {3})
    assert magnus.get_object("data") == {1, 2}
    return {"n": len(magnus.get_object("data"))}

def namespace(args: argparse.Namespace, number: int):
    return {"names": sorted(vars(args)), "sum": args.number + number}
def figure(): return object()
def numbers(): return [1, 2]
def score(x): return x / 2
def counted(i): return {"i_there": os.environ["i"], "stop": i == 2}
def after(i): return {"last": i, "gone": os.environ.get("i", "gone")}

if __name__ == "__main__": globals()[__import__("sys").argv[1]]()
"""

WAYS = ["in the process of the step", "in a child process", "in a worker", "in a kernel"]
VARIABLES = {"spam": "World", "Nested": {"a": [1, None]}, "number": "007"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outcomes_work.py").write_text(WORK)
    (tmp_path / "workers.yaml").write_text("executor: {type: local, config: {enable_parallel: true, max_workers: 1}}\n")
    yield tmp_path
    sys.modules.pop("outcomes_work", None)


def task(name, way="", **more):
    if way == "in a kernel":
        cell = nbformat.v4.new_code_cell(f"import outcomes_work\noutcomes_work.{name}()")
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), f"{name}.ipynb")
        return NotebookTask(f"{name}.ipynb", name=name, **more)
    return PythonTask(f"outcomes_work.{name}", name=name, timeout=1000 if way == "in a child process" else None, **more)


def execute(steps, way="", **parameters):
    configuration = "workers.yaml" if way == "in a worker" else ""
    return Pipeline(steps).execute(configuration, parameters=parameters)


@pytest.mark.parametrize("way", WAYS)
def test_variables_set_parameters_and_metrics(folder, way):
    run = execute([task("variables", way)], way, known=1, same=2)
    assert run.steps["variables"].parameters == VARIABLES
    assert run.metrics == {"variance": 0.6, "loss": {"3": 0.5}}


@pytest.mark.parametrize("way", WAYS)
def test_variables_of_a_failed_attempt_are_metrics_alone(folder, way):
    with pytest.raises(RunFailed) as failed:
        execute([task("fails_after_variables", way)], way, known=1, same=2)
    step = failed.value.run.steps["fails_after_variables"]
    assert (dict(step.parameters), step.metrics) == ({}, {"variance": 0.6, "loss": {"3": 0.5}})


def test_a_lambda_sets_them_too(folder):
    command = "lambda: __import__('os').environ.update(MAGNUS_PRM_x='1')"
    assert execute([Task(name="a", command=command, command_type="python-lambda")]).parameters == {"x": 1}


def test_a_result_wins_over_a_function_and_that_over_a_variable(folder):
    run = execute([task("all_ways")])
    assert run.parameters == {"x": "result", "y": "function", "z": "variable"}
    assert run.metrics == {"m": 2}
    command = f"export MAGNUS_PRM_x=variable MAGNUS_PRM_y=variable y=result; {sys.executable} outcomes_work.py all_ways"
    run = execute([ShellTask("all_ways", command, returns=["y"])])
    assert run.parameters == {"x": "function", "y": "result"}


def test_a_variable_that_holds_a_secret_fails_the_step(folder):
    (folder / ".env").write_text("TOKEN=hush-hush\n")
    (folder / "secrets.yaml").write_text("secrets: {type: dotenv}\n")
    with pytest.raises(RunFailed) as failed:
        Pipeline([task("secret")]).execute("secrets.yaml")
    assert "may not set the metric 'leak': its value contains a secret" in str(failed.value)
    assert "hush-hush" not in json.dumps(failed.value.run.document())


def test_a_variable_that_is_no_text_fails_the_step(folder):
    with pytest.raises(RunFailed, match="odd is text with half a surrogate pair, which JSON cannot hold"):
        execute([task("bytes_that_are_no_text")])


def test_a_metric_may_be_a_mapping(folder):
    run = execute(
        [
            task("mapping", returns=[metric("scores")]),
            task("tracks"),
            ShellTask("shell", "export MAGNUS_TRACK_x='{\"a\": 1}' MAGNUS_TRACK_y_STEP_2='[1]'"),
        ]
    )
    expected = {
        "scores": {"precision": 0.5, "0": 1},
        "model": {"x": 1},
        "counted": {"0": 1},
        "loss": {"0": 1.5, "1": {"train": 1, "test": 2}},
        "x": {"a": 1},
        "y": {"2": [1]},
    }
    assert run.metrics == expected
    steps = run.document()["steps"].values()
    assert {name: value for step in steps for name, value in step["user_defined_metrics"].items()} == expected


def test_the_step_of_a_metric_is_a_whole_number(folder):
    with pytest.raises(RunFailed, match="the step of a metric is to be a whole number, and is 'first'"):
        execute([task("odd_step")])


@pytest.mark.parametrize("way", WAYS)
def test_parameters_are_cast_as_arguments_are(folder, way):
    values = {"eggs": {"a": "1", "when": "2026-01-02"}, "many": [{"x": 1}, {"x": "2"}], "nothing": None, "name": "spam"}
    assert execute([task("casts", way)], way, **values).parameters["called"] == "spamspam"


def test_a_parameter_that_cannot_be_cast_is_an_error_that_names_it(folder):
    with pytest.raises(RunFailed, match="the parameter 'name' must be Model, but is \"spam\": Input should be"):
        execute([task("casts_in_vain")], name="spam")


@pytest.mark.parametrize("way", WAYS[:3])
def test_an_object_leaves_a_value_of_its_name_alone(folder, way):
    run = execute([task("puts", way), task("gets", way)], way, data=[1])
    assert (run.parameters["data"], run.parameters["n"]) == ([1], 2)


def test_a_namespace_receives_all_parameters(folder):
    run = execute([task("namespace")], number=1, text="a")
    assert (run.parameters["names"], run.parameters["sum"]) == (["number", "text"], 2)
    assert run.steps["namespace"].inputs == {"number": 1, "text": "a"}


def test_a_value_without_a_name_is_dropped_with_a_warning(folder, capfd):
    run = execute([Map("each", branch=Pipeline([task("figure")]), iterate_on="xs", iterate_as="x")], xs=[1, 2])
    said = "outcomes_work.figure() returned a value of type object, which has no name and is dropped"
    assert capfd.readouterr().err.count(said) == 1
    [attempt] = run.steps["each"].branches["1"].steps["figure"].attempts
    assert (attempt.status, said in attempt.message) == ("SUCCESS", True)


def test_metrics_in_branches_move_up_as_parameters_do(folder):
    score = Pipeline([task("score", returns=[metric("half")]), task("tracks")])
    each = Map("each", branch=score, iterate_on="xs", iterate_as="x")
    run = execute([each, ShellTask("after", "export MAGNUS_TRACK_own=1")], xs=[2, 4])
    assert run.metrics == {
        "half": [1.0, 2.0],
        "model": [{"x": 1}] * 2,
        "counted": [{"0": 1}] * 2,
        "loss": [{"0": 1.5, "1": {"train": 1, "test": 2}}] * 2,
        "own": 1,
    }
    reduced = Map(
        "each", branch=score, iterate_on="xs", iterate_as="x", reducer="lambda *values: max(map(str, values))"
    )
    assert execute([reduced], xs=[2, 4]).metrics["half"] == "2.0"


def test_the_number_of_an_iteration_is_in_the_environment_and_stays(folder):
    loop = Loop("loop", branch=Pipeline([task("counted")]), max_iterations=5, break_on="stop", index_as="i")
    run = execute([loop, task("after")])
    assert run.parameters == {"i_there": "2", "stop": True, "i": 2, "last": 2, "gone": "gone"}


def test_terminal_steps_have_one_attempt(folder):
    log = execute([Map("each", branch=Pipeline([task("tracks")]), iterate_on="xs", iterate_as="x")], xs=[1]).document()
    for steps in (log["steps"], log["steps"]["each"]["branches"]["1"]["steps"]):
        [attempt] = steps["success"]["attempts"]
        assert (attempt["attempt_number"], attempt["status"], attempt["duration"]) == (0, "SUCCESS", "0:00:00.000000")
