"""A fault of magnus itself, or of a plugin, ends a run as failed and is raised again."""

import json

import pytest

from magnus.app.inspect.run_document import document
from magnus.app.run.execute import execute
from magnus.app.run.prepare import prepare
from magnus.app.run.request import RunRequest
from magnus.engine.rules import fan
from magnus.engine.step import attempts
from magnus.errors import CatalogError
from magnus.executors.local import LocalExecutor

ONE = {"command_type": "python-lambda", "command": "lambda: {'one': 1}"}


class Silent:
    def report(self, event):
        """Nobody looks."""


def test_a_fault_leaves_no_run_open(tmp_path, monkeypatch):
    def broken(self, request):
        raise LookupError("somebody's bug")

    monkeypatch.setattr(LocalExecutor, "submit", broken)
    (tmp_path / "p.yaml").write_text(
        json.dumps({"dag": {"start_at": "a", "steps": {"a": {"type": "stub", "next": "success"}}}})
    )
    prepared = prepare(RunRequest(str(tmp_path / "p.yaml"), run_id="mine", working_directory=tmp_path), Silent())
    with pytest.raises(LookupError, match="somebody's bug"):
        execute(prepared, Silent(), lambda _text: None)
    store = prepared.services.run_log_store
    log = json.loads("".join(document(store, store.get_run("mine"))))
    store.close()
    assert (log["status"], log["message"]) == ("FAIL", "a fault: LookupError: somebody's bug")


EACH = {
    "start_at": "each",
    "steps": {
        "each": {
            "type": "map",
            "iterate_on": "xs",
            "iterate_as": "x",
            "branch": {"start_at": "a", "steps": {"a": {"type": "task", **ONE, "next": "success"}}},
            "next": "success",
            "on_failure": "caught",
        },
        "caught": {"type": "task", **ONE, "next": "success"},
    },
}


def ran(folder, dag, **parameters):
    """The document of a run."""
    (folder / "p.yaml").write_text(json.dumps({"dag": dag}))
    (folder / "values.yaml").write_text(json.dumps(parameters))
    asked = RunRequest(str(folder / "p.yaml"), parameters_file=str(folder / "values.yaml"), working_directory=folder)
    prepared = prepare(asked, Silent())
    record = execute(prepared, Silent(), lambda _text: None)
    store = prepared.services.run_log_store
    log = json.loads("".join(document(store, store.get_run(record.run_id))))
    store.close()
    return log


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        (
            "_collected",
            LookupError("somebody's bug"),
            "this is a fault of magnus itself or of a plugin, not of the task",
        ),
        (
            "_branching",
            LookupError("somebody's bug"),
            "this is a fault of magnus itself or of a plugin, not of the task",
        ),
        ("_collected", CatalogError("it is gone", fix="bring it back"), "it is gone; bring it back"),
        ("_branching", CatalogError("it is gone", fix="bring it back"), "it is gone; bring it back"),
        ("_collected", OSError(28, "No space left on device"), "the system refused what the step needs: OSError"),
    ],
)
def test_a_fault_around_branches_fails_the_composite_as_a_task(tmp_path, monkeypatch, name, error, said):
    def broken(*_arguments):
        raise error

    monkeypatch.setattr(fan, name, broken)
    log = ran(tmp_path, EACH, xs=[1, 2])
    assert (log["status"], list(log["steps"])) == ("SUCCESS", ["each", "caught", "success"])
    assert log["steps"]["each"]["status"] == "FAIL"
    assert log["steps"]["each"]["message"].startswith(said)


def test_an_interruption_stays_one_when_a_fault_follows(tmp_path, monkeypatch):
    def interrupted(*_arguments):
        raise KeyboardInterrupt

    def broken(*_arguments):
        raise LookupError("somebody's bug")

    monkeypatch.setattr(attempts, "_call", interrupted)
    monkeypatch.setattr(attempts, "_complete", broken)
    with pytest.raises(KeyboardInterrupt):
        ran(tmp_path, {"start_at": "a", "steps": {"a": {"type": "task", **ONE, "next": "success"}}})
    [file] = (tmp_path / ".run_log_store").glob("*.json")
    log = json.loads(file.read_text())
    assert (log["status"], log["message"]) == ("FAIL", "interrupted")
    [attempt] = log["steps"]["a"]["attempts"]
    assert "fault of magnus itself" in attempt["message"]
