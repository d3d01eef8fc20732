"""What scripts of the 2024 generation write is understood: imports, keywords, default names, and what a run has."""

import inspect
from types import SimpleNamespace

import pytest
from msgspec import Struct
from pydantic import BaseModel, ConfigDict

import magnus
from magnus import (
    Conditional,
    Dag,
    Fail,
    Loop,
    Map,
    NotebookJob,
    NotebookTask,
    Parallel,
    Pipeline,
    PythonJob,
    PythonTask,
    ShellJob,
    ShellTask,
    Stub,
    Success,
    Task,
)
from magnus.app.composition import plugins
from magnus.errors import InvalidDefinition
from magnus.interaction import get_secret, put_in_catalog, put_object


def work():
    return {"x": 1}


@pytest.mark.parametrize("name", magnus.__all__)
def test_the_sdk_module_gives_every_public_name(name):
    namespace = {}
    exec(f"from magnus.sdk import {name} as found", namespace)
    assert namespace["found"] is getattr(magnus, name)


def test_a_star_takes_the_public_names():
    namespace = {}
    exec("from magnus.sdk import *", namespace)
    assert set(magnus.__all__) <= set(namespace)


def test_a_name_that_is_none_is_an_import_error():
    with pytest.raises(ImportError, match=r"cannot import name 'Pipelin' from 'magnus\.sdk'"):
        exec("from magnus.sdk import Pipelin")


@pytest.mark.parametrize("kind", [ShellTask, ShellJob])
@pytest.mark.parametrize(
    ("command", "name"),
    [("echo hi", "echo"), ("./bin/train.sh --x 1", "train_sh"), ("  ls", "ls"), ("a%b", "a_b"), ("/", "shell")],
)
def test_a_shell_task_is_named_after_its_program(kind, command, name):
    task = kind(command=command)
    assert (task.name, task.fields["command"]) == (name, command)
    assert kind("mine", command).name == "mine"


def test_a_shell_task_without_a_command_is_refused_at_its_line():
    here = inspect.currentframe().f_lineno
    with pytest.raises(InvalidDefinition) as caught:
        ShellTask("a")
    [problem] = caught.value.problems
    assert (problem.message, problem.fix) == ("'command' is missing", "write ShellTask(command=...)")
    assert problem.location.line == here + 2


def one():
    return Pipeline([Stub("in")])


@pytest.mark.parametrize(
    ("make", "fix"),
    [
        (lambda: Task("a", work, retuns=["x"]), "did you mean 'returns'?"),
        (lambda: PythonTask(work, strict=True), "there are 'cache', 'catalog', 'description', 'max_attempts'"),
        (lambda: ShellTask("a", "ls", outputs=1), "there are 'cache', 'catalog'"),
        (lambda: Task("a", "n.ipynb", "notebook", notebook_output="x"), "did you mean 'notebook_output_path'?"),
        (lambda: Parallel("a", {"b": one()}, brnches=1), "did you mean 'branches'?"),
        (lambda: Map("a", one(), "xs", "x", reduce="max"), "did you mean 'reducer'?"),
        (lambda: Dag("a", one(), on_failur="b"), "did you mean 'on_failure'?"),
        (lambda: Loop("a", one(), 2, breakon="b"), "did you mean 'break_on'?"),
        (lambda: Conditional("a", "p", {"b": one()}, defalt=one()), "did you mean 'default'?"),
        (lambda: NotebookTask("n.ipynb", output_cel_tag="x"), "did you mean 'output_cell_tag'?"),
        (lambda: PythonJob(work, retuns=["x"]), "did you mean 'returns'?"),
        (lambda: ShellJob("a", "ls", stict=True), "did you mean 'strict'?"),
        (lambda: NotebookJob("n.ipynb", tmeout=1), "did you mean 'timeout'?"),
        (lambda: Success("a", next="b"), "there are 'name', 'description'"),
        (lambda: Fail("a", descripton="b"), "did you mean 'description'?"),
        (lambda: Pipeline([Stub("a")], start="a"), "did you mean 'start_at'?"),
    ],
)
def test_an_unknown_argument_is_refused_where_it_is_written(make, fix):
    with pytest.raises(InvalidDefinition) as caught:
        make()
    [problem] = caught.value.problems
    assert problem.message.startswith("unknown field '")
    assert problem.fix.startswith(fix)
    assert problem.location.file.endswith("test_words_of_the_2024_generation.py")
    assert problem.location.line == make.__code__.co_firstlineno


class StrictOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")
    database: str = ""


class LooseOptions(BaseModel):
    database: str = ""


class NativeOptions(Struct, forbid_unknown_fields=True):
    database: str = ""


@pytest.mark.parametrize("model", [StrictOptions, NativeOptions])
def test_fields_of_the_command_type_of_a_package_are_those_of_its_options(monkeypatch, model):
    monkeypatch.setattr(plugins, "find", lambda *_: SimpleNamespace(options=model))
    assert Task("a", "c", "sql", database="d", timeout=1).fields["database"] == "d"
    with pytest.raises(InvalidDefinition, match="unknown field 'databse'\n  fix: did you mean 'database'\\?") as caught:
        Task("a", "c", "sql", databse="d")
    [problem] = caught.value.problems
    assert problem.location.line == inspect.currentframe().f_lineno - 2


def test_a_package_whose_options_take_any_field_is_given_any(monkeypatch):
    monkeypatch.setattr(plugins, "find", lambda *_: SimpleNamespace(options=LooseOptions))
    assert Task("a", "c", "sql", tables=1).fields["tables"] == 1


def test_a_command_type_that_is_not_installed_is_refused_when_the_pipeline_is_compiled():
    assert Task("a", "c", "sql", database="d").fields["database"] == "d"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (get_secret, r"get_secret\(\) needs 'name' or 'secret_name'"),
        (lambda: get_secret("a", secret_name="a"), r"get_secret\(\) needs one of 'name' or 'secret_name'"),
        (put_in_catalog, r"put_in_catalog\(\) needs 'path' or 'filepath'"),
        (lambda: put_object(name="a"), r"put_object\(\) needs 'obj' or 'data'"),
        (lambda: put_object(1, "a", data=2), r"put_object\(\) needs one of 'obj' or 'data'"),
        (lambda: put_object(1), r"put_object\(\) needs 'name'"),
        (lambda: put_object("x", {1: 2}), r"put_object\(\) takes the object, then its name, which is text and no dict"),
    ],
)
def test_one_of_two_words_for_an_argument_is_given(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def uses_the_other_words():
    open("f.txt", "w").close()
    put_in_catalog(filepath="f.txt")
    put_object(data={"k": 1}, name="kept")
    return {"secret": get_secret(secret_name="word") == "hidden value"}


def test_the_other_words_do_the_same_and_a_run_has_its_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("word", "hidden value")
    (tmp_path / "c.yaml").write_text("secrets: {type: env-secrets-manager}\n")
    run = PythonTask(uses_the_other_words).as_pipeline().execute(configuration_file="c.yaml", log_level="FATAL")
    assert run.parameters["secret"] is True
    dumped = run.model_dump()
    assert dumped["steps"]["uses_the_other_words"]["data_catalog"][0]["name"] == "f.txt"
    assert run.dag_hash == dumped["dag_hash"]
    assert run.run_config["secrets"]["type"] == "env-secrets-manager"
