"""Mocked runs: tasks are not executed, patches stand for them, and tests get the run."""

import json

import pytest

from magnus import Catalog, Map, Parallel, Pipeline, PythonTask, ShellTask, Stub, metric, pickled
from magnus.errors import InvalidConfiguration, InvalidInput
from magnus.testing import run_pipeline, run_step


def never():
    raise AssertionError("a mocked step was executed")


def total(xs):
    return sum(xs)


def with_object(o, scale=1):
    return len(o) * scale


def pipeline():
    branch = Pipeline([PythonTask(never, "fit"), ShellTask("note", "exit 3", on_failure="success")])
    return Pipeline(
        [
            PythonTask(never, "fetch", returns=["xs", pickled("o"), metric("score")], catalog=Catalog(put="rows.txt")),
            Map("each", branch, "xs", "x"),
            PythonTask(total, returns=["sum"]),
            ShellTask("read", "export MAGNUS_PRM_said=$(cat rows.txt)", catalog=Catalog(get="rows.txt")),
            PythonTask(with_object, returns=["size"]),
            Stub("stub"),
        ]
    )


def test_patches_supply_and_replace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    patches = {
        "fetch": {"returns": {"xs": [1, 2], "o": [7], "score": 0.5}, "files": {"rows.txt": "two rows"}},
        "total": total,
        "read": {"command": "export MAGNUS_PRM_said=\"$(cat rows.txt)!\""},
        "each/note": {"command": "lambda x: {'y': x}", "command_type": "python-lambda"},
        "with_object": with_object,
    }  # fmt: skip
    run = run_pipeline(pipeline(), tmp_path / "test", patches=patches, parameters={"scale": 3})
    assert run.status == "SUCCESS", run.message
    assert run.parameters["sum"] == 3
    assert run.parameters["said"] == "two rows!"
    assert run.parameters["size"] == 3
    assert run.parameters["y"] == [1, 2]
    assert run.steps["fetch"].metrics == {"score": 0.5}
    document = run.document()
    assert {name for name, step in document["steps"].items() if step["mock"]} == set(document["steps"]) - {
        "each",
        "success",
    }
    assert document["steps"]["each"]["branches"]["1"]["steps"]["fit"]["mock"]


def test_without_patches_nothing_is_executed_and_nothing_moves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    steps = [PythonTask(never, catalog=Catalog(put="*.txt")), ShellTask("s", "exit 3", catalog=Catalog(get="gone.txt"))]
    run = run_pipeline(Pipeline(steps), tmp_path / "test")
    assert (run.status, run.artifacts) == ("SUCCESS", {})
    assert [step.mock for step in run.store.list_steps(run.run_id, run._branch)] == [True, True, False]


@pytest.mark.parametrize(
    ("patches", "said"),
    [
        ({"fech": {"returns": {}}}, "no task 'fech' to patch\n  fix: did you mean 'fetch'?"),
        ({"fetch": {"comand": "x"}}, "step 'fetch': unknown field 'comand'"),
        ({"fetch": {"max_attempts": 0}}, "max_attempts must be at least 1"),
        ({"fetch": {"files": {"a": 1}}}, "the content of 'a' must be text"),
        ({"fetch": {"files": []}}, "files of a patch must be a mapping"),
        ({"read": {"command": "no.such", "command_type": "python"}}, "there is no module 'no'"),
    ],
)
def test_patches_that_are_wrong(tmp_path, monkeypatch, patches, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput) as caught:
        run_pipeline(pipeline(), tmp_path / "test", patches=patches)
    assert said in str(caught.value)
    assert not (tmp_path / "test" / "run-log").exists()


def test_a_patch_is_found_in_the_configuration_file(folder):
    folder.write(
        "p.yaml",
        json.dumps(
            {"dag": {"start_at": "a", "steps": {"a": {"type": "task", "command": "not.there", "next": "success"}}}}
        ),
    )
    folder.write("c.yaml", "executor:\n  type: mocked\n  config:\n    patches:\n      b: {returns: {x: 1}}\n")
    done = folder.magnus("execute", "p.yaml", "-c", "c.yaml")
    assert done.status == 2
    assert "c.yaml:5:7: error: the pipeline has no task 'b' to patch" in done.err
    folder.write("c.yaml", "executor:\n  type: mocked\n  config:\n    patches:\n      a: {returns: {x: 1}}\n")
    assert folder.magnus("execute", "p.yaml", "-c", "c.yaml").log["parameters"] == {"x": 1}


def test_one_step_by_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole = pipeline()
    assert run_step(whole, "total", tmp_path / "one", parameters={"xs": [1, 2, 3]}).parameters == {"sum": 6}
    step = run_step(whole, "read", tmp_path / "two", files={"rows.txt": "given"})
    assert step.parameters == {"said": "given"}
    assert run_step(whole, "each/note", tmp_path / "three").message == "exit status 3"
    with pytest.raises(InvalidInput, match="did you mean 'each/note'"):
        run_step(whole, "each/nte", tmp_path / "four")


def test_nothing_of_the_user_is_overwritten_and_nothing_but_json_goes_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.txt").write_text("mine")
    with pytest.raises(InvalidInput, match=r"'rows\.txt' is in the working directory"):
        run_step(pipeline(), "read", tmp_path / "test", files={"rows.txt": "given"})
    assert (tmp_path / "rows.txt").read_text() == "mine"
    with pytest.raises(InvalidInput, match="a patch holds a value that is not JSON"):
        run_pipeline(pipeline(), tmp_path / "test", patches={"fetch": {"timeout": {1}}})
    with pytest.raises(InvalidInput, match="supply it by a patch of the step that makes it"):
        run_pipeline(pipeline(), tmp_path / "test", parameters={"xs": {1}})


def test_objects_are_supplied_and_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    patches = {
        "fetch": {"returns": {"xs": [1, 2], "o": {7, 8}, "score": 0.5}, "files": {"rows.txt": "two rows"}},
        "with_object": with_object,
        "read": {"returns": {"said": {"a", "set"}}},
    }
    run = run_pipeline(pipeline(), str(tmp_path / "test"), patches=patches, parameters={"scale": 3})
    assert run.status == "SUCCESS", run.message
    assert (run.parameters["size"], run.parameters["xs"]) == (6, [1, 2])
    assert run.steps["fetch"].metrics == {"score": 0.5}
    assert (run.load("o"), run.load("said"), run.load("rows.txt")) == ({7, 8}, {"a", "set"}, "two rows")
    step = run_step(pipeline(), "with_object", str(tmp_path / "one"), parameters={"o": {1, 2, 3}, "scale": 2})
    assert step.parameters == {"size": 6}
    step = run_step(pipeline(), "read", tmp_path / "two", parameters={"o": {1}}, files={"rows.txt": "given"})
    assert step.parameters == {"said": "given"}
    with pytest.raises(InvalidInput, match="the inputs of 'with_object' cannot be supplied"):
        run_step(pipeline(), "with_object", tmp_path / "three", parameters={"o": (n for n in "ab")})


def test_a_step_has_its_output_and_the_objects_that_it_returned(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def makes():
        print("made here")
        return {1, 2}

    step = run_step(Pipeline([PythonTask(makes, returns=[pickled("numbers")])]), "makes", tmp_path / "test")
    assert step.load("numbers") == {1, 2}
    assert step.log() == "made here\n"


@pytest.mark.parametrize("patch", [None, 3, "text", ["list"]])
def test_a_patch_that_is_none_says_so(tmp_path, monkeypatch, patch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match=f"the patch of 'fetch' is a value of type {type(patch).__name__}"):
        run_pipeline(pipeline(), tmp_path / "test", patches={"fetch": patch})


@pytest.mark.parametrize("wrong", [None, 3, never, ["p.yaml"]])
def test_what_is_no_pipeline_says_so(tmp_path, wrong):
    for run in (lambda: run_pipeline(wrong, tmp_path / "test"), lambda: run_step(wrong, "a", tmp_path / "test")):
        with pytest.raises(InvalidInput, match="a pipeline is an object or the file of one"):
            run()


def test_steps_of_files_that_a_pipeline_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    shell = {"type": "task", "command_type": "shell", "command": "export MAGNUS_PRM_y=$x", "next": "success"}

    def file(name, **steps):
        (tmp_path / name).write_text(json.dumps({"dag": {"start_at": next(iter(steps)), "steps": steps}}))

    file("p.yaml", d={"type": "dag", "dag_definition": "in/one.yaml", "next": "success"})
    file("in/one.yaml", e={"type": "dag", "dag_definition": "two.yaml", "next": "success"})
    file("in/two.yaml", deep=shell)
    assert run_step("p.yaml", "d/e/deep", tmp_path / "test", parameters={"x": 3}).parameters == {"y": 3}
    with pytest.raises(InvalidInput, match="did you mean 'd/e/deep'"):
        run_step("p.yaml", "d/e/dep", tmp_path / "test")


def test_a_patch_keeps_what_it_does_not_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    strict = Pipeline([ShellTask("sh", "false; export MAGNUS_PRM_a=1", strict=True)])
    assert run_pipeline(strict, tmp_path / "test", patches={"sh": {"timeout": 5}}).steps["sh"].status == "FAIL"


def test_steps_of_files(folder, tmp_path, monkeypatch):
    steps = {"p": {"type": "parallel", "next": "success", "branches": {"b": {"start_at": "a", "steps": {
        "a": {"type": "task", "command_type": "shell", "command": "export MAGNUS_PRM_y=$x", "next": "success"}}}}}}  # fmt: skip
    file = folder.path / "p.yaml"
    file.write_text(json.dumps({"dag": {"start_at": "p", "steps": steps}}))
    assert run_step(file, "p/b/a", tmp_path / "test", parameters={"x": 3}).parameters == {"y": 3}
    run = run_pipeline(str(file), tmp_path / "test", patches={"a": {"returns": {"y": [1]}}})
    assert run.parameters == {"y": [1]}
    file.write_text("dag: 3")
    with pytest.raises(InvalidInput, match="dag must be a mapping"):
        run_step(file, "p/b/a", tmp_path / "test")


def test_two_steps_of_one_name_are_told_apart_by_their_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    branches = {key: Pipeline([PythonTask(never, "same")]) for key in "ab"}
    patches = {"p/a/same": {"returns": {"from_a": 1}}, "same": {"returns": {"other": 2}}}
    run = run_pipeline(Pipeline([Parallel("p", branches)]), tmp_path / "test", patches=patches)
    assert run.parameters == {"from_a": 1, "other": 2}
    both = Pipeline([PythonTask(never, "same"), Parallel("p", branches)])
    assert run_pipeline(both, tmp_path / "test", patches={"same": {"returns": {"top": 1}}}).parameters == {"top": 1}
    with pytest.raises(InvalidConfiguration):
        run_pipeline(Pipeline([Parallel("p", branches)]), tmp_path / "test", patches={"q/a/same": {"returns": {}}})


def test_a_mocked_step_is_shown_as_mocked_and_not_as_reused(folder):
    folder.write("work.py", "def f(): raise ValueError\n")
    folder.write("p.yaml", "dag: {start_at: a, steps: {a: {type: task, command: work.f, next: success}}}\n")
    folder.write("c.yaml", "executor: {type: mocked}\n")
    assert folder.magnus("execute", "p.yaml", "-c", "c.yaml", "--run-id", "it").status == 0
    shown = folder.magnus("show", "it").out
    assert "  mocked" in shown
    assert "reused" not in shown
    assert "\n  mocked   its task was not executed\n" in folder.magnus("show", "it", "--step", "a").out
    assert folder.magnus("logs", "it", "a").err == "step 'a' was mocked, so its task printed nothing\n"
