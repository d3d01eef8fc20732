"""Runs whose orchestrator was killed while jobs of a batch system still run: how they show, and how they are resumed."""

import json
import signal
import time
from tempfile import TemporaryDirectory

import pytest
from safety_net import LONGEST_SECONDS

from magnus.testing.batch_system.client import FakeBatchSystem
from magnus.testing.batch_system.executor import install
from magnus.testing.batch_system.state import Fault

ITEM = 'echo "$x" >> starts; until [ -e "go-$x" ]; do sleep 0.02; done; echo "$x" >> ends'
MAP = {
    "dag": {
        "start_at": "first",
        "steps": {
            "first": {"type": "task", "command_type": "shell", "command": "echo first >> starts", "next": "each"},
            "each": {
                "type": "map",
                "iterate_on": "xs",
                "iterate_as": "x",
                "next": "success",
                "branch": {
                    "start_at": "item",
                    "steps": {"item": {"type": "task", "command_type": "shell", "command": ITEM, "next": "success"}},
                },
            },
        },
    }
}
ONE = {
    "dag": {
        "start_at": "only",
        "steps": {
            "only": {
                "type": "task",
                "command_type": "shell",
                "command": "echo only >> starts; until [ -e go-only ]; do sleep 0.02; done",
                "next": "success",
            }
        },
    }
}


def until(holds):
    deadline = time.monotonic() + LONGEST_SECONDS
    while not (value := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return value


@pytest.fixture
def place(folder, tmp_path):
    """The folder of a user whose runs are jobs of a batch system."""
    system = FakeBatchSystem(tmp_path / "state")
    folder.environment.update(install(tmp_path / "installed"))
    services = {"executor": {"type": "fake-batch", "config": {"state": str(tmp_path / "state"), "poll_seconds": 0.05}}}
    folder.write("magnus-config.yaml", json.dumps({"defaults": services}))
    folder.write("p.yaml", json.dumps(MAP))
    folder.write("one.yaml", json.dumps(ONE))
    folder.write("parameters.yaml", json.dumps({"xs": ["a", "b", "c", "d"]}))
    folder.system = system
    with TemporaryDirectory(prefix="mo-", dir="/tmp") as temporary:  # a killed process leaves its private folder there
        folder.environment["TMPDIR"] = temporary
        yield folder
        system.close()


def lines(place, name):
    file = place.path / name
    return sorted(file.read_text().split()) if file.exists() else []


def go(place, *names):
    for name in names:
        (place.path / f"go-{name}").touch()


def killed(place, pipeline="p.yaml", *, when):
    """A run `mine` whose orchestrator was killed when that was so."""
    with place.start("execute", pipeline, "-p", "parameters.yaml", "--run-id", "mine") as process:
        until(when)
        process.kill()
        process.communicate()


def until_it_waits(place):
    """Until the one process of magnus has looked for jobs a few times."""
    before = place.system.calls("jobs")
    until(lambda: place.system.calls("jobs") > before + 3)


@pytest.fixture
def orphaned(place):
    """The run `mine`: `a` has finished, `b` to `d` still run."""
    go(place, "a")

    def only_a_is_over():
        return len(lines(place, "starts")) == 5 and len(jobs_of(place)) == 3

    killed(place, when=only_a_is_over)
    return place


def jobs_of(place):
    return sorted(job.id for job in place.system.jobs(["mine"])["mine"] if job.phase.value in {"waiting", "running"})


def listed(place):
    [run] = json.loads(place.magnus("runs", "--json").out)
    return run["status"], run["message"]


def test_the_run_is_not_lost_until_the_last_job_is_over(orphaned):
    jobs = jobs_of(orphaned)
    assert len(jobs) == 3
    status, message = listed(orphaned)
    assert (status, message.partition(": ")[0]) == ("PROCESSING", "its orchestrator is gone; 3 jobs still run")
    assert sorted(message.partition(": ")[2].split(", ")) == jobs
    shown = orphaned.magnus("show", "mine").out
    assert message in shown
    assert "LOST" not in shown
    assert message in orphaned.magnus("runs").err
    assert json.loads(orphaned.magnus("show", "mine", "--json").out)["status"] == "PROCESSING"
    orphaned.system.change(lambda state: setattr(state, "is_silent", True))
    status, message = listed(orphaned)
    assert status == "PROCESSING"
    assert message.startswith("its orchestrator is gone; whether a job of it still runs is not known: ")
    orphaned.system.change(lambda state: setattr(state, "is_silent", False))
    go(orphaned, "b", "c", "d")
    until(lambda: not jobs_of(orphaned))
    assert listed(orphaned)[0] == "LOST"
    questions = orphaned.system.calls("jobs")
    assert "is gone" in listed(orphaned)[1]
    assert orphaned.system.calls("jobs") == questions, "what is over stays over"


def test_the_batch_system_is_asked_once_about_all_runs_whose_orchestrator_is_gone(place):
    names = [f"run-{number}" for number in range(4)]
    for name in names:
        with place.start("execute", "one.yaml", "--run-id", name) as process:
            until(lambda name=name: any(job.run_id == name and job.pid for job in place.system.state().jobs.values()))
            process.kill()
            process.communicate()
    before = place.system.calls("jobs")
    runs = json.loads(place.magnus("runs", "--json").out)
    assert place.system.calls("jobs") == before + 1
    messages = {run["run_id"]: run["message"] for run in runs}
    jobs = {job.run_id: job.job.id for job in place.system.state().jobs.values()}
    assert messages == {name: f"its orchestrator is gone; 1 job still runs: {jobs[name]}" for name in names}
    go(place, "only")
    until(lambda: all(job.is_over for job in place.system.state().jobs.values()))
    assert {run["status"] for run in json.loads(place.magnus("runs", "--json").out)} == {"LOST"}
    assert sorted(path.name for path in (place.path / ".jobs-of-runs").iterdir()) == [".gitignore", *names]
    assert place.magnus("gc", "--keep-last", "0", "--run-logs", "--yes").status == 0
    assert [path.name for path in (place.path / ".jobs-of-runs").iterdir()] == [".gitignore"]


def test_a_plan_and_a_clean_up_leave_the_jobs_alone(orphaned):
    jobs = jobs_of(orphaned)
    plan = orphaned.magnus("retry", "mine", "--dry-run")
    assert plan.status == 0
    assert "3 jobs still run" in plan.err
    assert all(f"'each/{number}/item' (2_{number}, " in plan.err for number in (1, 2, 3))
    kept = orphaned.magnus("gc", "--keep-last", "0", "--run-logs", "--yes")
    assert orphaned.runs() == ["mine"], kept.err
    assert jobs_of(orphaned) == jobs


def test_a_resumed_run_waits_and_reuses_what_the_jobs_finished(orphaned):
    with orphaned.start("retry", "mine", "--run-id", "again") as retry:
        until_it_waits(orphaned)
        assert retry.poll() is None
        go(orphaned, "b", "c", "d")
        log, said = retry.communicate(timeout=LONGEST_SECONDS)
    assert retry.returncode == 0, said
    assert "magnus waits for their end" in said
    assert lines(orphaned, "starts") == ["a", "b", "c", "d", "first"]
    branches = json.loads(log)["steps"]["each"]["branches"]
    assert [branch["steps"]["item"]["mock"] for branch in branches.values()] == [True] * 4


def test_an_interrupted_retry_leaves_the_jobs_running(orphaned):
    jobs = jobs_of(orphaned)
    with orphaned.start("retry", "mine") as retry:
        until_it_waits(orphaned)
        retry.send_signal(signal.SIGINT)
        _, said = retry.communicate(timeout=LONGEST_SECONDS)
    assert retry.returncode == 130, said
    assert "Traceback" not in said
    assert (jobs_of(orphaned), orphaned.runs()) == (jobs, ["mine"])


def test_without_an_answer_a_run_is_not_resumed(orphaned):
    orphaned.system.change(lambda state: setattr(state, "is_silent", True))
    refused = orphaned.magnus("retry", "mine")
    assert refused.status == 2
    assert "whether a job of it still runs is not known" in refused.err
    assert "--assume-lost" in refused.err
    orphaned.system.change(lambda state: setattr(state, "is_silent", False))
    assert orphaned.runs() == ["mine"]


FAILS = {"type": "task", "command_type": "shell", "command": "test -e go-on", "next": "success"}


@pytest.mark.parametrize("command", [("retry", "mine"), ("execute", "fails.yaml", "--use-cached", "mine")])
def test_without_an_answer_a_finished_run_is_resumed_and_the_doubt_is_shown(place, command):
    place.write("fails.yaml", json.dumps({"dag": {"start_at": "only", "steps": {"only": FAILS}}}))
    assert place.magnus("execute", "fails.yaml", "--run-id", "mine").status == 1
    (place.path / ".jobs-of-runs" / "mine" / ".jobs").mkdir()  # as a run leaves it whose jobs did not end in time
    place.system.fail_calls(Fault("jobs", "silent", number=place.system.calls("jobs")))
    go(place, "on")
    resumed = place.magnus(*command)
    assert resumed.status == 0, resumed.err
    [line] = [line for line in resumed.err.splitlines() if "could not be confirmed" in line]
    assert line.endswith(
        "it could not be confirmed that no job of the run 'mine' still runs: the controller did not answer; "
        "magnus continues, since the run cancelled them when it finished"
    )


def test_cancelled_jobs_run_again_in_the_new_run_alone(orphaned):
    with orphaned.start("retry", "mine", "--run-id", "again", "--still-running", "cancel") as retry:
        until(lambda: len(lines(orphaned, "starts")) == 8)
        go(orphaned, "b", "c", "d")
        _, said = retry.communicate(timeout=LONGEST_SECONDS)
    assert retry.returncode == 0, said
    assert "magnus cancels them" in said
    assert lines(orphaned, "ends") == ["a", "b", "c", "d"]


def test_a_job_that_was_on_its_way_when_magnus_was_killed_runs_nothing_beside_the_new_run(place):
    """The batch system takes it, and shows it only when the new run has jobs of its own."""
    never = time.time() + 10 * LONGEST_SECONDS

    def hide(state):
        for job in state.jobs.values():
            job.shown_at = never

    def show(state):
        for job in state.jobs.values():
            job.shown_at = 0.0
        state.is_held = False

    place.system.change(lambda state: setattr(state, "is_held", True))
    place.system.fail_calls(Fault("submit", "late"))
    killed(place, "one.yaml", when=lambda: place.system.calls("submit"))
    place.system.change(hide)
    with place.start("retry", "mine", "--run-id", "again") as retry:
        until(lambda: len(place.system.state().jobs) == 2)
        place.system.change(show)
        until(lambda: all(job.is_over for job in place.system.state().jobs.values() if job.run_id == "mine"))
        go(place, "only")
        _, said = retry.communicate(timeout=LONGEST_SECONDS)
    assert retry.returncode == 0, said
    assert lines(place, "starts") == ["only"]
