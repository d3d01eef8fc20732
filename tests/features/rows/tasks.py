"""What a task can be."""

import json

import pytest
from cells import No, feature
from project import each, expression, pipe, python, shell, statuses

from magnus.errors import InvalidDefinition

GROUP = "Tasks"
ELSEWHERE = "steps run in containers or on other machines, which cannot find a function that has no name; it is refused before the run"


@feature(GROUP, "python function: arguments by name, cast by annotation, defaults; results by name")
def python_function(project):
    project.write(
        "work.py",
        "from datetime import date\nfrom pydantic import BaseModel\n"
        "class Model(BaseModel):\n    depth: int\n    names: list[str] = []\n"
        "def f(n: int, when: date, text: str, model: Model, more: int = 7):\n"
        "    return [n + more, when.year, text, model.depth], Model(depth=n)\n"
        "def g(said, grown: Model, **rest):\n    return {'seen': [said, grown.depth, sorted(rest)]}\n",
    )
    log = project.run(
        pipe(a=python("f", returns=["said", "grown"]), b=python("g")),
        n=3,
        when="2024-05-06",
        text="007",
        model={"depth": 2},
    )
    assert log["parameters"]["said"] == [10, 2024, "007", 2]
    assert log["parameters"]["seen"] == [[10, 2024, "007", 2], 3, ["model", "n", "text", "when"]]


@feature(GROUP, "function of a script")
def function_of_a_script(project):
    project.write("deep/script.py", "def double(n): return 2 * n\n")
    step = {"type": "task", "command": "deep/script.py:double", "returns": ["n"]}
    assert project.run(pipe(a=step), n=3)["parameters"] == {"n": 6}


@feature(GROUP, "lambda")
def lambda_of_python(project):
    log = project.run(pipe(a=expression("lambda n: {'m': [n, {'ü': None}]}")), n=3)
    assert log["parameters"] == {"n": 3, "m": [3, {"ü": None}]}


@feature(GROUP, "shell command: parameters in the environment, exported variables become parameters")
def shell_command(project):
    command = (
        'export MAGNUS_PRM_m=$((MAGNUS_PRM_n + 1)); export said="$text and\nmore"; echo MAGNUS_PRM_no=1  # ignored'
    )
    log = project.run(pipe(a=shell(command, returns=["said"])), n=3, text="some text")
    assert log["parameters"] == {"n": 3, "text": "some text", "m": 4, "said": "some text and\nmore"}


@feature(GROUP, "notebook: parameters as variables, results from variables, kept as executed")
def notebook(project):
    cell = {
        "cell_type": "code",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": "m = n + 1\nprint(m)",
    }
    project.write("nb.ipynb", json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}))
    log = project.run(
        pipe(a={"type": "task", "command_type": "notebook", "command": "nb.ipynb", "returns": ["m"]}), n=3
    )
    assert log["parameters"] == {"n": 3, "m": 4}
    assert '"4\\n"' in project.kept(log, "nb_out.ipynb")


@feature(GROUP, "stub")
def stub(project):
    log = project.run(pipe(a={"type": "stub", "anything": 1}, b={"type": "as-is"}))
    assert (statuses(log), log["parameters"]) == ({"a": "SUCCESS", "b": "SUCCESS", "success": "SUCCESS"}, {})


@feature(GROUP, "task kind of another package")
def task_kind_of_another_package(project):
    project.write(
        "theirs.py",
        "from magnus.interfaces.task_kind import TaskOutcome\n"
        "from magnus.run_log.parameters import JsonParameter\n"
        "from pydantic import BaseModel\n"
        "class Options(BaseModel): pass\n"
        "class Upper:\n"
        "    options, isolates = Options, False\n"
        "    def problems(self, spec, working_directory): return ()\n"
        "    def run(self, call): return TaskOutcome({}, {'text': JsonParameter(call.spec.command.upper())})\n",
    )
    project.write("theirs-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    project.write("theirs-1.0.dist-info/entry_points.txt", "[magnus.tasks]\nupper = theirs:Upper\n")
    with project.on_the_path():
        log = project.run(pipe(a={"type": "task", "command_type": "upper", "command": "some text"}))
    assert log["parameters"] == {"text": "SOME TEXT"}


@feature(GROUP, "pipeline built by a program")
def program(project):
    project.write(
        "program.py",
        "from magnus import Map, Pipeline, PythonTask\n"
        "def numbers(count: int): return {'xs': list(range(count))}\n"
        "def square(x): return {'y': x * x}\n"
        "each = Map('each', Pipeline([PythonTask(name='square', function=square)]), 'xs', 'x')\n"
        "pipeline = Pipeline([PythonTask(name='numbers', function=numbers), each])\n",
    )
    assert project.start("program.py", count=3)["parameters"] == {"count": 3, "xs": [0, 1, 2], "y": [0, 1, 4]}


@feature(GROUP, "functions that a program has no name for, such as closures; in workers by the extra `cloudpickle`")
def closures(project):
    project.write(
        "program.py",
        "from magnus import Pipeline, PythonTask\n"
        "def adding(n):\n    def f(x): return {'x': x + n}\n    return f\n"
        "pipeline = Pipeline([PythonTask(name='add', function=adding(2))])\n",
    )
    if project.engine.sends_functions:
        assert project.start("program.py", x=1)["parameters"] == {"x": 3}
        return None
    with pytest.raises(InvalidDefinition, match="add"):
        project.start("program.py", x=1)
    return No(ELSEWHERE)


@feature(GROUP, "run, step, attempt and elements of maps in the environment of a step")
def environment(project):
    said = "$MAGNUS_RUN_ID $MAGNUS_RUN_TAG $MAGNUS_STEP_NAME $MAGNUS_STEP_ATTEMPT $MAGNUS_MAP_VARIABLE"
    step = shell(f'export MAGNUS_PRM_said="{said}"')
    log = project.start(pipe(m=each(pipe(s=step))), "--tag", "mine", xs=["a b"])
    assert log["parameters"]["said"] == [log["run_id"] + ' mine s 0 {"x": "a b"}']
