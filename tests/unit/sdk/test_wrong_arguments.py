"""Whatever is given to the objects of a pipeline is right, or is one clear error with a line of the program."""

import inspect
import os
from contextlib import suppress
from pathlib import PurePath

import pytest

import magnus
from magnus import (
    Catalog,
    Conditional,
    Dag,
    Fail,
    Loop,
    Map,
    NotebookTask,
    Parallel,
    Pipeline,
    PythonTask,
    ShellTask,
    Stub,
    Success,
    Task,
)
from magnus.definition.loader import examine_built, load_built
from magnus.errors import InvalidDefinition, InvalidInput
from magnus.sdk.links import Links
from magnus.sdk.tasks import TaskFields, TaskOptions


def test_a_pipeline_without_steps_is_refused_at_its_line():
    line = inspect.currentframe().f_lineno + 2
    with pytest.raises(InvalidDefinition) as caught:
        Pipeline([])
    assert str(caught.value).endswith(
        f":{line}: error: a pipeline needs at least one step\n  fix: list them, such as Pipeline([PythonTask(function)])"
    )


def work(x=0):
    return x


def one():
    return Pipeline([Stub("in")])


class Odd:
    def __getattr__(self, name):
        raise AttributeError(name)

    def __call__(self):
        """May be called, and has no name."""


class Hostile:
    def __eq__(self, other):
        raise RuntimeError("not to be compared")

    def __bool__(self):
        raise RuntimeError("neither true nor false")

    __hash__ = None


def cycle():
    inside = []
    inside.append(inside)
    return inside


WRONG = {
    "None": lambda: None,
    "a number": lambda: 1,
    "a negative number": lambda: -1,
    "a fraction": lambda: 1.5,
    "nan": lambda: float("nan"),
    "true": lambda: True,
    "no text": lambda: "",
    "text": lambda: "text",
    "a surrogate": lambda: "\ud800",
    "a zero byte": lambda: "a\0b",
    "bytes": lambda: b"bytes",
    "an object": object,
    "an odd object": Odd,
    "a hostile object": Hostile,
    "no list": list,
    "a list of numbers": lambda: [1],
    "a list of texts": lambda: ["a"],
    "a list of None": lambda: [None],
    "a list of itself": cycle,
    "a mapping": lambda: {"a": 1},
    "a mapping by number": lambda: {1: 2},
    "a mapping by object": lambda: {object(): one()},
    "a mapping of objects": lambda: {"a": object()},
    "a set": lambda: {1},
    "a generator": lambda: (x for x in [1]),
    "a function": lambda: work,
    "a lambda": lambda: lambda: 1,
    "a type": lambda: int,
    "a path": lambda: PurePath("x"),
    "a step": lambda: Stub("other"),
    "a pipeline": one,
    "a class of step": lambda: Stub,
    "a catalog": Catalog,
    "a module": lambda: os,
}

GIVEN = {
    Task: {"name": "t", "command": "os.getcwd"},
    PythonTask: {"function": work, "name": "t"},
    ShellTask: {"name": "t", "command": "true"},
    NotebookTask: {"notebook": "x.ipynb"},
    Stub: {"name": "t"},
    Parallel: {"name": "t", "branches": {"a": one()}},
    Map: {"name": "t", "branch": one(), "iterate_on": "xs", "iterate_as": "x"},
    Dag: {"name": "t", "dag": one()},
    Conditional: {"name": "t", "parameter": "x", "branches": {"a": one()}},
    Loop: {"name": "t", "branch": one(), "max_iterations": 2},
}


def arguments(cls):
    fields = Links if not issubclass(cls, Task) else TaskOptions if cls is Task else TaskFields
    named = set(fields.__annotations__)
    own = set(inspect.signature(cls).parameters) - {"more", "fields"}
    return sorted(own | named | {"no_such_field"})


def compiled(pipeline):
    return load_built(pipeline.__magnus_pipeline__(), {})


def is_right_or_clear(make):
    problems = ()
    try:
        made = make()
        if isinstance(made, Pipeline):
            compiled(made)
    except InvalidInput as error:
        problems = error.problems
    for problem in problems:
        assert problem.message
        assert problem.location is not None
        assert problem.location.file.endswith("test_wrong_arguments.py"), problem
        assert problem.location.line, problem


@pytest.mark.parametrize("cls", GIVEN)
def test_arguments_of_steps(cls):
    for argument in arguments(cls):
        for value in WRONG.values():
            is_right_or_clear(
                lambda value=value, argument=argument: Pipeline([cls(**{**GIVEN[cls], argument: value()})])
            )


@pytest.mark.parametrize("argument", ["steps", "start_at", "name", "description", "add_terminal_nodes"])
def test_arguments_of_pipelines(argument):
    for value in WRONG.values():
        is_right_or_clear(lambda value=value: Pipeline(**{"steps": [Stub("a")], argument: value()}))


@pytest.mark.parametrize("argument", ["get", "put", "compute_data_folder", "store_copy", "strict"])
def test_arguments_of_catalogs(argument):
    for value in WRONG.values():
        is_right_or_clear(lambda value=value: Pipeline([PythonTask(work, catalog=Catalog(**{argument: value()}))]))


@pytest.mark.parametrize("result", [magnus.json, magnus.metric, magnus.pickled])
def test_names_of_results(result):
    for value in WRONG.values():
        is_right_or_clear(lambda value=value: Pipeline([PythonTask(work, returns=[result(value())])]))


@pytest.mark.parametrize("end", [Success, Fail])
@pytest.mark.parametrize("argument", ["name", "description"])
def test_arguments_of_ends(end, argument):
    for value in WRONG.values():
        is_right_or_clear(lambda value=value: Pipeline([Stub("a"), end(**{argument: value()})]))


@pytest.mark.parametrize("link", ["rshift", "lshift", "depends_on"])
def test_what_a_step_is_linked_to(link):
    ways = {"rshift": lambda a, b: a >> b, "lshift": lambda a, b: a << b, "depends_on": lambda a, b: a.depends_on(b)}
    for value in WRONG.values():
        is_right_or_clear(lambda value=value: ways[link](Stub("a"), value()))


@pytest.mark.parametrize("argument", ["next", "on_failure"])
def test_what_is_set_afterwards(argument):
    for value in WRONG.values():
        step = Stub("a")
        setattr(step, argument, value())
        is_right_or_clear(lambda step=step: Pipeline([step]))


def test_arguments_of_execute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for argument in inspect.signature(Pipeline.execute).parameters.keys() - {"self"}:
        for value in WRONG.values():
            given = value()
            if argument in {"output_pipeline_definition", "tag"} and isinstance(given, str | PurePath):
                continue  # each of them is right
            with suppress(InvalidInput):
                Pipeline([Stub("a")]).execute(**{argument: given})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"run_id": 1}, "'run_id' must be text, not a value of type int"),
        ({"configuration_file": 1.5}, "'configuration_file' must be the path of a file"),
        ({"parameters": [1]}, "'parameters' must be a mapping of names to values"),
        ({"parameters": {1: 2}}, "'the name of a parameter' must be text"),
        ({"log_level": "loud"}, "there is no log level 'loud'"),
        ({"still_running": "adopt"}, "'still_running' must be 'wait' or 'cancel', not 'adopt'"),
        ({"still_running": None}, "'still_running' must be text"),
        ({"raise_on_failure": 1}, "'raise_on_failure' must be True or False"),
    ],
)
def test_what_is_wrong_with_arguments_of_execute(tmp_path, monkeypatch, given, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match=said) as caught:
        Pipeline([Stub("a")]).execute(**given)
    assert "test_wrong_arguments.py:" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_pipeline_that_contains_itself_says_so():
    inner = Pipeline([Stub("in")])
    dag = Dag("outer", inner)
    inner.steps = (dag,)
    with pytest.raises(InvalidInput, match="contains itself"):
        Pipeline([Dag("around", inner)]).definition()


def test_a_step_that_contains_the_pipeline_it_is_in_says_so():
    dag = Dag("outer", Pipeline([Stub("in")]))
    pipeline = Pipeline([dag])
    dag.fields["dag"] = pipeline
    with pytest.raises(InvalidInput, match="step 'outer': 'dag' contains itself") as caught:
        pipeline.definition()
    assert "test_wrong_arguments.py:" in str(caught.value)


def test_only_commands_and_reducers_are_functions():
    with pytest.raises(InvalidInput, match="'iterate_on' cannot be a value of type function"):
        Pipeline([Map("m", one(), work, "x")]).definition()
    assert Pipeline([Stub("s", function=work)]).definition()["dag"]["steps"]["s"]["function"].endswith(".work")


def test_what_no_file_can_say_hides_nothing_else():
    step = PythonTask("work.f", name="inner")
    other = ShellTask(name="b", command="ls", max_attempts="many")
    pipeline = Pipeline([Map(name="m", branch=step, iterate_on=step, iterate_as="x", next="b"), other, Stub("c")])
    found = examine_built(pipeline.__magnus_pipeline__(), {})
    assert found.pipeline is None
    assert [(problem.step, problem.message) for problem in found.problems] == [
        ("m", "'iterate_on' cannot be a value of type PythonTask"),
        ("b", "nothing says what follows this step"),
        ("c", "nothing says what follows this step"),
        ("b", "max_attempts must be a whole number, not 'many'"),
    ]
    with pytest.raises(InvalidDefinition, match="make a pipeline of it"):
        pipeline.definition()
