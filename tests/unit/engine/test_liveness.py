"""Whether the process of a run is still there."""

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
from msgspec.structs import replace

from magnus.engine.processes.liveness import _start_by_ps, lost, this_process
from magnus.run_log.records import Owner

HOST = os.uname().nodename
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@contextmanager
def sleeping():
    with subprocess.Popen(["sleep", "3600"]) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_process_that_asks_is_there():
    assert lost(this_process()) == ""


def test_this_process_is_known_by_host_number_and_start():
    owner = this_process()
    assert (owner.host, owner.pid) == (HOST, os.getpid())
    assert owner.process_start
    assert owner == this_process()


def test_another_process_is_there_while_it_runs_and_gone_after_it_ended():
    with sleeping() as process:
        owner = Owner(HOST, process.pid)
        assert lost(owner) == ""
    assert lost(owner) == f"lost: process {owner.pid} on host '{HOST}' is gone"


def test_a_process_that_ended_and_was_not_waited_for_is_gone():
    with sleeping() as process:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert lost(Owner(HOST, process.pid)) == f"lost: process {process.pid} on host '{HOST}' is gone"


def test_a_later_process_of_the_same_number_is_not_the_one_that_is_gone():
    assert lost(replace(this_process(), process_start="another time")).startswith("lost: ")


def test_a_process_of_another_host_cannot_be_judged():
    assert lost(Owner(HOST + "-other", 1, "another time")) == ""


@linux
def test_a_number_in_another_name_space_cannot_be_judged():
    owner = this_process()
    start, boot, _ = owner.process_start.split()
    assert lost(replace(owner, process_start=f"{start} {boot} pid:[1]")) == ""


@linux
def test_a_process_from_before_a_restart_of_the_host_is_gone():
    owner = this_process()
    start, _, name_space = owner.process_start.split()
    assert lost(replace(owner, process_start=f"{start} another-boot {name_space}")).startswith("lost: ")


def test_a_number_that_no_system_has_is_gone_or_unknown_but_no_error():
    assert lost(Owner(HOST, 2**80)) == ""
    assert lost(Owner(HOST, 2**31 - 1)).startswith("lost: ")


def test_the_way_of_other_systems_agrees():
    try:
        subprocess.run(["ps"], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no ps here")
    with sleeping() as process:
        start = _start_by_ps(process.pid)
        assert start
        assert start == _start_by_ps(process.pid)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert _start_by_ps(process.pid) is None
    assert _start_by_ps(process.pid) is None
