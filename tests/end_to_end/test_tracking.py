"""Runs with an experiment tracker that cannot be reached, and with none, are the same runs."""

import json
import socket
from datetime import datetime

import pytest

WORK = """\
from magnus import get_experiment_tracker_context, track_this

def fit(x=0):
    track_this(loss=x / 2)
    with get_experiment_tracker_context() as run:
        return {"given": run is not None}
"""
TASK = {"type": "task", "command": "work.fit", "next": "success"}
PIPELINE = {
    "start_at": "alone",
    "steps": {
        "alone": {**TASK, "next": "child"},
        "child": {**TASK, "timeout": 30, "next": "each"},
        "each": {
            "type": "map",
            "iterate_on": "xs",
            "iterate_as": "x",
            "branch": {"start_at": "fit", "steps": {"fit": TASK}},
            "next": "success",
        },
    },
}


@pytest.fixture
def project(folder):
    folder.write("work.py", WORK)
    folder.write("p.yaml", json.dumps({"dag": PIPELINE}))
    folder.environment["MLFLOW_DISABLE_TELEMETRY"] = "true"
    return folder


def configured(folder, tracker, **executor):
    services = {"experiment_tracker": tracker, "executor": {"type": "local", "config": executor}}
    folder.write("magnus-config.yaml", json.dumps({"defaults": services}))


def nowhere():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    return {"type": "mlflow", "config": {"server_url": f"http://me:my-password@127.0.0.1:{port}"}}


def metrics(log):
    branches = log["steps"]["each"]["branches"].values()
    return [log["steps"][name]["user_defined_metrics"] for name in ("alone", "child")] + [
        branch["steps"]["fit"]["user_defined_metrics"] for branch in branches
    ]


EXPECTED = [{"loss": 0.0}, {"loss": 0.0}, {"loss": 0.5}, {"loss": 1.0}, {"loss": 1.5}]


@pytest.mark.parametrize("executor", [{}, {"enable_parallel": True, "max_workers": 2}], ids=["here", "in workers"])
def test_a_tracker_that_cannot_be_reached_is_one_warning(project, executor):
    configured(project, nowhere(), **executor)
    done = project.magnus("execute", "p.yaml", "--xs", "[1, 2, 3]")
    assert (done.status, metrics(done.log)) == (0, EXPECTED)
    assert done.log["parameters"]["given"] == [False] * 3
    assert done.err.count("warning: the experiment tracker 'mlflow' does not know all of this run") == 1
    assert "cannot be reached" in done.err
    assert "my-password" not in done.err


def test_without_a_tracker_the_context_is_there_and_empty(project):
    configured(project, {"type": "do-nothing"})
    done = project.magnus("execute", "p.yaml", "--xs", "[1, 2, 3]")
    assert (done.status, metrics(done.log)) == (0, EXPECTED)
    assert done.log["parameters"]["given"] == [False] * 3
    assert "warning" not in done.err


def test_a_step_in_a_process_of_its_own_says_it_too_and_succeeds(project):
    configured(project, nowhere())
    done = project.magnus("execute_single_node", "a-run", "alone", "-f", "p.yaml")
    assert done.status == 0, done.err
    assert done.err.count("warning: the experiment tracker 'mlflow'") == 1


def tracked_by_mlflow(folder):
    """The run of magnus and its parameters, metrics and tags, in a tracking store of files."""
    [experiment] = [found for found in (folder.path / "mlruns").iterdir() if found.name not in {".trash", "models"}]
    [run] = [found for found in experiment.iterdir() if found.is_dir()]
    read = {kind: {} for kind in ("params", "metrics", "tags")}
    for kind, found in read.items():
        for file in (run / kind).rglob("*"):
            if file.is_file():
                found[str(file.relative_to(run / kind))] = file.read_text().strip()
    return {**read, "meta": (run / "meta.yaml").read_text()}


def test_a_run_that_the_tracker_missed_is_told_later(project):
    project.environment["MLFLOW_ALLOW_FILE_STORE"] = "true"
    project.write("parameters.yaml", "xs: [one, two]\nmodel: {test_size: 0.25}\n")
    project.write(
        "work.py",
        "from magnus import track_this\ndef fit(x=''):\n    track_this(loss=len(x) / 2)\n    return {'size': len(x)}\n",
    )
    steps = {**PIPELINE["steps"]}
    steps["alone"] = {**TASK, "next": "each"}
    del steps["child"]
    project.write("p.yaml", json.dumps({"dag": {**PIPELINE, "steps": steps}}))
    configured(project, nowhere())
    ran = project.magnus("execute", "p.yaml", "-p", "parameters.yaml", "--run-id", "first")
    assert ran.status == 0
    assert "loading mlflow, to tell it of the run" in ran.err
    assert "magnus track RUN" in ran.err
    missed = project.magnus("track", "first")
    assert missed.status == 3
    assert "error: the experiment tracker has not received all of the run 'first': " in missed.err
    store = (project.path / "mlruns").as_uri()
    configured(project, {"type": "mlflow", "config": {"server_url": store}})
    for _ in range(2):  # twice is as good as once
        told = project.magnus("track", "latest", "first")
        assert (told.status, told.out) == (0, "sent first: 3 steps\n" * 2), told.err
    found = tracked_by_mlflow(project)
    assert found["params"] == {
        "xs": '["one", "two"]',
        "model.test_size": "0.25",
        "size": "0",
        "each/one/fit/size": "3",
        "each/two/fit/size": "3",
    }
    assert sorted(found["metrics"]) == ["each/one/fit/loss", "each/two/fit/loss", "loss"]
    log = json.loads(ran.out)
    start = datetime.fromisoformat(log["start_time"])
    assert f"start_time: {int(start.timestamp() * 1000)}\n" in found["meta"]
    assert "status: 3\n" in found["meta"]  # FINISHED
    assert found["tags"]["magnus.run_id"] == "first"


def test_what_cannot_be_told_is_said(project):
    assert project.magnus("execute", "p.yaml", "--xs", "[1]", "--run-id", "first").status == 0
    said = project.magnus("track", "first")
    assert (said.status, "an experiment tracker of type 'do-nothing' keeps nothing" in said.err) == (2, True)
    said = project.magnus("track", "second")
    assert (said.status, "there is no run 'second'" in said.err) == (2, True)
