"""Runs with an experiment tracker that cannot be reached, and with none, are the same runs."""

import json
import socket

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
