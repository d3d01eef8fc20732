"""Runs of which nobody can tell here whether they still run: it is said, and they are resumed only when the user says so."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from magnus import Pipeline, PythonTask
from magnus.engine.processes.liveness import this_process
from magnus.engine.reentry import engine_runs
from magnus.errors import InvalidInput
from magnus.graph.path import BranchPath
from magnus.run_log.records import Owner, Status
from magnus.run_log_stores.file_system import FileSystemOptions, FileSystemRunLogStore

WORK = """\
from pathlib import Path
def one(): return {"x": 1}
def two(x):
    if Path("broken").exists(): raise ValueError("broken")
    return {"y": x + 1}
"""
PIPELINE = {
    "dag": {
        "start_at": "one",
        "steps": {
            "one": {"type": "task", "command": "work.one", "next": "two"},
            "two": {"type": "task", "command": "work.two", "next": "success"},
        },
    }
}
ELSEWHERE = Owner("another-host", 4711)
IN_CONTAINER = replace(this_process(), process_start=f"{this_process().process_start.rpartition(' ')[0]} pid:[1]")
OWNERS = {
    "another host": (ELSEWHERE, "its process 4711 is on host 'another-host'"),
    "another container": (IN_CONTAINER, "its process is in another container"),
    "another engine": (engine_runs.owner(""), "another engine runs its steps"),
}


def left_behind(folder: Path, owner: Owner, run_id: str = "away"):
    """Write a run of this owner that has not ended: what became of the failed run `first`, had its process been killed."""
    store = FileSystemRunLogStore(FileSystemOptions(), folder)
    run = store.get_run("first")
    store.create_run(replace(run, run_id=run_id, status=Status.PROCESSING, owner=owner, end_time=None, message=""))
    steps = [step for step in store.list_steps("first", BranchPath()) if step.status is Status.SUCCESS]
    for step in steps:
        store.put_step(run_id, step)
    store.close()
    return max(attempt.end_time for step in steps for attempt in step.attempts)


@pytest.fixture
def failed(folder):
    folder.write("work.py", WORK)
    folder.write("pipeline.yaml", json.dumps(PIPELINE))
    folder.write("broken", "")
    assert folder.magnus("execute", "--run-id", "first").status == 1
    (folder.path / "broken").unlink()
    return folder


@pytest.mark.parametrize(("owner", "reason"), OWNERS.values(), ids=OWNERS)
@pytest.mark.parametrize(
    "command",
    [("retry", "away"), ("execute", "--use-cached", "away"), ("check", "--use-cached", "away")],
    ids=lambda c: c[0],
)
def test_it_is_resumed_only_when_the_user_says_that_it_has_ended(command, owner, reason, failed):
    heard = left_behind(failed.path, owner)
    refused = failed.magnus(*command)
    assert refused.status == 2
    expected = f"the run 'away' may still be running: {reason}, and it has recorded nothing since {heard:%Y-%m-%d %H:%M:%S} UTC"
    assert expected in refused.err + refused.out
    assert "make sure that it has stopped, then add --assume-lost" in refused.err + refused.out
    assert failed.runs() == ["away", "first"]
    resumed = failed.magnus(*command, "--assume-lost")
    assert resumed.status == 0, resumed.err
    if command[0] != "check":
        assert (resumed.log["original_run_id"], resumed.log["parameters"]) == ("away", {"x": 1, "y": 2})
        assert resumed.log["steps"]["one"]["mock"] is True


def test_a_program_says_so_too(failed, monkeypatch):
    left_behind(failed.path, ELSEWHERE)
    monkeypatch.chdir(failed.path)
    monkeypatch.syspath_prepend(failed.path)
    one, two = (PythonTask(name=name, function=f"work.{name}") for name in ("one", "two"))
    pipeline = Pipeline([one, two])
    with pytest.raises(InvalidInput, match="may still be running: its process 4711 is on host 'another-host'"):
        pipeline.execute(use_cached="away")
    assert pipeline.execute(use_cached="away", assume_lost=True).parameters == {"x": 1, "y": 2}


def test_a_run_that_is_known_to_run_or_to_have_ended_needs_no_word(failed):
    left_behind(failed.path, this_process(), "here")
    refused = failed.magnus("retry", "here", "--assume-lost")
    assert (refused.status, "the run 'here' is still running" in refused.err) == (2, True)
    assert failed.magnus("retry", "first").status == 0
    for options in (["--assume-lost"], ["--still-running", "cancel"]):
        alone = failed.magnus("execute", *options)
        assert (alone.status, f"{options[0]} is about the run that is resumed" in alone.err) == (2, True)


@pytest.mark.parametrize(("owner", "reason"), OWNERS.values(), ids=OWNERS)
def test_it_is_shown_that_nobody_can_tell(owner, reason, failed):
    left_behind(failed.path, owner)
    message = f"this host cannot tell whether it still runs: {reason}"
    assert f"\n  {message}\n" in failed.magnus("show", "away").out
    listed = failed.magnus("runs")
    assert listed.err == f"away: {message}\n"
    [away] = [run for run in json.loads(failed.magnus("runs", "--json").out) if run["run_id"] == "away"]
    assert (away["status"], away["message"]) == ("PROCESSING", message)
    left_behind(failed.path, owner, "gone")
    assert failed.magnus("runs").err in {f"{name} and 1 more: {message}\n" for name in ("away", "gone")}
