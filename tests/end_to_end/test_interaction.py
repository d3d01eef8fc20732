"""What user code may call while its step runs, in its own process and in those that it starts, and in sessions by hand."""

import json
import os
import subprocess
import sys

import pytest

from magnus import (
    Catalog,
    Pipeline,
    PythonTask,
    ShellTask,
    end_interactive_session,
    get_from_catalog,
    get_object,
    get_parameter,
    get_run_id,
    get_run_log,
    get_tag,
    pickled,
    put_in_catalog,
    put_object,
    set_parameter,
    start_interactive_session,
    track_this,
)
from magnus.errors import RunFailed, TaskFailed

GIVES = """\
from magnus import put_in_catalog, put_object
def give():
    with open("given.txt", "w") as file: file.write("given")
    assert put_in_catalog("given.txt") == ["given.txt"]
    put_object({1, 2, 3}, "numbers")
if __name__ == "__main__": give()
"""
TAKES = """\
import os
from magnus import get_from_catalog, get_object, get_run_log, set_parameter
def take():
    [path] = get_from_catalog("*.txt", "elsewhere")
    log = get_run_log()
    with open(path) as file: said = file.read()
    set_parameter(
        said=said, path=os.path.relpath(path), total=sum(get_object("numbers")),
        steps={name: step["status"] for name, step in log["steps"].items()},
    )
if __name__ == "__main__": take()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gives.py").write_text(GIVES)
    (tmp_path / "takes.py").write_text(TAKES)
    (tmp_path / "workers.yaml").write_text("executor: {type: local, config: {enable_parallel: true, max_workers: 1}}\n")
    return tmp_path


def tasks(way):
    match way:
        case "in the process of the step":
            return PythonTask("gives.give"), PythonTask("takes.take")
        case "in child processes":
            return PythonTask("gives.give", timeout=1000), PythonTask("takes.take", timeout=1000)
        case _:
            return ShellTask("give", f"{sys.executable} gives.py"), ShellTask("take", f"{sys.executable} takes.py")


@pytest.mark.parametrize("configuration", ["", "workers.yaml"])
@pytest.mark.parametrize("way", ["in the process of the step", "in child processes", "in processes that it starts"])
def test_files_objects_and_the_run_log(folder, way, configuration):
    gives, takes = tasks(way)
    run = Pipeline([gives, ShellTask("remove", "rm given.txt"), takes]).execute(configuration)
    parameters = run.parameters
    assert (parameters["said"], parameters["path"], parameters["total"]) == ("given", "elsewhere/given.txt", 6)
    assert parameters["steps"] == {gives.name: "SUCCESS", "remove": "SUCCESS", takes.name: "PROCESSING"}
    assert list(run.steps[gives.name].artifacts) == ["given.txt", ".objects/numbers.pickle"]
    entries = run.document()["steps"][takes.name]["data_catalog"]
    assert [(entry["stage"], entry["name"]) for entry in entries] == [
        ("get", "given.txt"),
        ("get", ".objects/numbers.pickle"),
    ]
    assert list((folder / ".catalog").glob("*/elsewhere")) == []


def test_an_object_that_was_put_is_an_argument(folder):
    def makes():
        put_object([1, 2], "things")

    run = Pipeline([PythonTask(makes), PythonTask(lambda things: len(things), "count", returns=["n"])]).execute()  # noqa: PLW0108
    assert run.parameters["n"] == 2


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: get_object("gone"), r"there is no object 'gone'; the objects are 'kept'"),
        (lambda: get_from_catalog("gone*"), r"nothing in the catalog matches 'gone\*'; it holds 'a.txt'"),
        (lambda: put_in_catalog("gone.txt"), r"catalog put: no file matches 'gone.txt'"),
        (lambda: put_in_catalog("../../etc/passwd"), r"'\.\.'"),
        (lambda: put_object(lambda: 1, "f"), r"'f', a value of type builtins\.function, cannot be kept as an object"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_fails_the_step(folder, call, said):
    begin = PythonTask(lambda: {1}, "begin", returns=[pickled("kept")])
    file = ShellTask("file", "echo a > a.txt", catalog=Catalog(put="a.txt"))
    with pytest.raises(RunFailed, match=said):
        Pipeline([begin, file, PythonTask(call, "call")]).execute()


@pytest.mark.parametrize(
    "call",
    [
        lambda: get_object("x"),
        lambda: put_object(1, "x"),
        lambda: get_from_catalog("x"),
        lambda: put_in_catalog("x"),
        get_run_log,
        get_parameter,
        lambda: set_parameter(x=1),
        lambda: track_this(x=1),
        get_run_id,
        get_tag,
    ],
)
def test_outside_a_run_each_says_what_to_do(folder, call):
    with pytest.raises(
        TaskFailed, match=r"call this inside a task of a pipeline, or call start_interactive_session\(\)"
    ):
        call()


def test_an_interactive_session(folder):
    (folder / "p.yaml").write_text("alpha: 3\n")
    run_id = start_interactive_session(tag="by hand", parameters_file="p.yaml")
    try:
        assert (get_run_id(), get_tag(), get_parameter("alpha")) == (run_id, "by hand", 3)
        set_parameter(beta=4)
        track_this(score=0.5)
        put_object({7}, "seven")
        assert get_object("seven") == {7}
        (folder / "note.txt").write_text("noted")
        put_in_catalog("note.txt")
        assert get_run_log()["status"] == "PROCESSING"
        with pytest.raises(TaskFailed, match="is in progress here"):
            start_interactive_session()
    finally:
        end_interactive_session()
    log = json.loads((folder / ".run_log_store" / f"{run_id}.json").read_text())
    assert (log["status"], log["tag"], log["parameters"]["beta"]) == ("SUCCESS", "by hand", 4)
    step = log["steps"]["interactive session"]
    assert step["user_defined_metrics"] == {"score": 0.5}
    assert [(entry["stage"], entry["name"]) for entry in step["data_catalog"]] == [
        ("put", ".objects/seven.pickle"),
        ("get", ".objects/seven.pickle"),
        ("put", "note.txt"),
    ]
    with pytest.raises(TaskFailed, match="there is no interactive session"):
        end_interactive_session()
    with pytest.raises(TaskFailed):
        get_run_id()


def test_a_session_that_nobody_ends_ends_with_its_process(folder):
    program = "from magnus import *\nstart_interactive_session(run_id='mine')\nset_parameter(x=1)\n"
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ})
    log = json.loads((folder / ".run_log_store" / "mine.json").read_text())
    assert (log["status"], log["parameters"]) == ("SUCCESS", {"x": 1})


def test_a_session_in_a_with_ends_with_it(folder):
    with start_interactive_session(run_id="mine") as run_id:
        assert get_run_id() == run_id == "mine"
        set_parameter(x=1)
    log = json.loads((folder / ".run_log_store" / "mine.json").read_text())
    assert (log["status"], log["parameters"]) == ("SUCCESS", {"x": 1})
    with start_interactive_session(run_id="other"):
        end_interactive_session()


def test_a_session_that_an_exception_ends_has_failed(folder):
    def work():
        with start_interactive_session(run_id="mine"):
            set_parameter(x=1)
            track_this(score=2)
            raise ValueError("no good")

    with pytest.raises(ValueError, match="no good"):
        work()
    log = json.loads((folder / ".run_log_store" / "mine.json").read_text())
    assert (log["status"], log["parameters"]) == ("FAIL", {})
    assert log["message"] == "step 'interactive session' failed: ValueError: no good"
    step = log["steps"]["interactive session"]
    assert (step["status"], step["message"]) == ("FAIL", "ValueError: no good")
    assert step["user_defined_metrics"] == {"score": 2}
    assert list(log["steps"]) == ["interactive session", "fail"]


def test_a_session_whose_process_ends_with_an_exception_has_failed(folder):
    program = "from magnus import *\nstart_interactive_session(run_id='mine')\nset_parameter(x=1)\n1 / 0\n"
    subprocess.run([sys.executable, "-c", program], check=False, env={**os.environ}, stderr=subprocess.DEVNULL)
    log = json.loads((folder / ".run_log_store" / "mine.json").read_text())
    assert (log["status"], log["steps"]["interactive session"]["message"]) == (
        "FAIL",
        "ZeroDivisionError: division by zero",
    )
