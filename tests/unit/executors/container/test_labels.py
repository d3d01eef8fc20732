"""Whose a container is, and what is to be done about it."""

import os
import subprocess

import pytest
from msgspec.structs import replace

from magnus.engine.processes import liveness
from magnus.executors.container.labels import labels, to_be_done
from magnus.graph.path import StepPath


def labelled(owner, *, stays=False):
    return labels(owner, "r", StepPath(("a",)), stays=stays)


@pytest.fixture
def gone():
    """The owner that a process was which has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return replace(liveness.this_process(), pid=process.pid)


def test_labels_name_run_step_and_process():
    written = labelled(liveness.this_process())
    assert (written["magnus.run"], written["magnus.step"], written["magnus.pid"]) == ("r", "a", str(os.getpid()))


@pytest.mark.parametrize("state", ["running", "created", "exited"])
def test_containers_of_a_process_that_is_there_are_left_alone(state):
    assert to_be_done(labelled(liveness.this_process()), state) == "nothing"


@pytest.mark.parametrize("state", ["running", "created", "exited"])
def test_containers_of_a_process_that_is_gone_are_removed(gone, state):
    assert to_be_done(labelled(gone), state) == "remove"


@pytest.mark.parametrize(("state", "done"), [("running", "kill"), ("exited", "nothing")])
def test_those_that_are_to_stay_are_only_ended(gone, state, done):
    assert to_be_done(labelled(gone, stays=True), state) == done


def test_another_process_of_the_number_is_another_one():
    older = replace(liveness.this_process(), process_start="1 other-boot other")
    assert to_be_done(labelled(older), "running") == "remove"


@pytest.mark.parametrize("host", ["elsewhere", ""])
def test_containers_of_other_hosts_are_left_alone(gone, host):
    assert to_be_done(labelled(replace(gone, host=host)), "running") == "nothing"


@pytest.mark.parametrize("pid", ["", "x", "-1"])
def test_labels_that_say_nothing_are_left_alone(gone, pid):
    assert to_be_done({**labelled(gone), "magnus.pid": pid}, "running") == "nothing"
