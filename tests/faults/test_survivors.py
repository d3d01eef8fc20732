"""What a run started does not outlive it, however it ends and however the processes were started."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from safety_net import LONGEST_SECONDS, growing

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which processes are of a run")

FORKED = {"forked", "forked-session", "forked-twice"}
STARTED = {"started", "started-session", "started-twice"}
SHELL = {"plain", "session", "twice"}
PROGRAM = "exec python3 -S survivors.py"
COMMAND = f"""\
({PROGRAM} plain) &
setsid sh -c '{PROGRAM} session' &
(setsid sh -c '{PROGRAM} twice' &) &
{PROGRAM} task
"""
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "id": "a",
            "source": "import survivors\nsurvivors.all_ways()",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}
STEPS = {
    "shell": ({"command_type": "shell", "command": COMMAND}, SHELL),
    "python": ({"command_type": "python", "command": "survivors.all_ways"}, FORKED | STARTED),
    "python-timeout": (
        {"command_type": "python", "command": "survivors.all_ways", "timeout": "1h"},
        FORKED | STARTED,
    ),
    "notebook": ({"command_type": "notebook", "command": "n.ipynb"}, FORKED | STARTED),
    "python-programs": ({"command_type": "python", "command": "survivors.programs"}, STARTED),
    "worker": ({"command_type": "python", "command": "survivors.all_ways"}, FORKED | STARTED),
    "worker-programs": ({"command_type": "python", "command": "survivors.programs"}, STARTED),
    "worker-shell": ({"command_type": "shell", "command": COMMAND}, SHELL),
}
SURVIVORS = {("python-programs", "SIGKILL"): STARTED}
"""What the system does not allow to end: nobody watches over a run whose steps fork nothing in its process."""
ENDINGS = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "Ctrl-C": signal.SIGINT}


class RunEnded(Exception):
    """A run ended before everything that its step starts was there."""


def begun(folder, kind, environment, *, timeout=None):
    """A run of a step of this kind, when everything that it starts is there; and what that is, by name."""
    step, names = STEPS[kind]
    step = {**step, "type": "task", "next": "success", **({"timeout": timeout} if timeout else {})}
    (folder / "pipeline.yaml").write_text(json.dumps({"dag": {"start_at": "a", "steps": {"a": step}}}))
    (folder / "n.ipynb").write_text(json.dumps(NOTEBOOK))
    (folder / "pids").mkdir()
    shutil.copy(Path(__file__).parent / "survivors.py", folder)
    parallel = {"executor": {"type": "local", "config": {"enable_parallel": kind.startswith("worker")}}}
    (folder / "config.yaml").write_text(json.dumps(parallel))
    command = [sys.executable, "-m", "magnus", "execute", "-c", "config.yaml", "--run-id", "r"]
    run = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    expected = {*names, "task"}
    wait_for(lambda: {file.name for file in (folder / "pids").glob("[a-z]*")} == expected, run)
    return run, {name: int((folder / "pids" / name).read_text()) for name in expected}


def wait_for(condition, run=None):
    deadline = time.monotonic() + LONGEST_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        if run is not None and run.poll() is not None:
            raise RunEnded
        time.sleep(0.02)


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def ended_by_the_run(processes, survivors=frozenset()):
    """Wait until all but the survivors are gone; the names of those that are left, which are ended."""
    gone = [pid for name, pid in processes.items() if name not in survivors]
    deadline = time.monotonic() + LONGEST_SECONDS
    while any(map(is_alive, gone)) and time.monotonic() < deadline:
        time.sleep(0.02)
    left = {name for name, pid in processes.items() if is_alive(pid)}
    for name in left:
        with suppress(ProcessLookupError):
            os.kill(processes[name], signal.SIGKILL)
    return left


@pytest.fixture
def environment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bin")
    (folder / "python3").symlink_to(sys.executable)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kind", STEPS)
def test_nothing_outlives_a_run_that_is_ended(kind, ending, tmp_path, environment):
    run, processes = begun(tmp_path, kind, environment)
    os.kill(run.pid, ENDINGS[ending])
    run.wait()
    survivors = SURVIVORS.get((kind, ending), set())
    assert ended_by_the_run(processes, survivors) == survivors
    assert run.returncode == {"SIGKILL": -9, "SIGTERM": 143, "Ctrl-C": 130}[ending]


@pytest.mark.parametrize("kind", ["shell", "python", "notebook", "worker", "worker-shell"])
def test_nothing_outlives_a_step_whose_time_is_over(kind, tmp_path, environment):
    for seconds in growing(4):
        (tmp_path / str(seconds)).mkdir()
        with suppress(RunEnded):
            run, processes = begun(tmp_path / str(seconds), kind, environment, timeout=f"{seconds}s")
            break
    run.wait()
    assert ended_by_the_run(processes) == set()
    assert run.returncode == 1


def magnus(folder, environment, *arguments):
    command = [sys.executable, "-m", "magnus", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_killed_run_is_not_resumed_while_its_processes_run(tmp_path, environment):
    run, processes = begun(tmp_path, "python-programs", environment)
    run.kill()
    run.wait()
    (tmp_path / "survivors.py").write_text("def programs(): pass")
    try:
        refused = magnus(tmp_path, environment, "retry", "r", "-c", "config.yaml")
    finally:
        left = ended_by_the_run(processes, STARTED)
    assert left == STARTED
    assert refused.returncode == 2
    numbers = sorted(processes[name] for name in STARTED)
    assert f"end them: kill {' '.join(map(str, numbers))}" in refused.stderr
    assert "the run 'r' was killed, but processes of it are still running: " in refused.stderr
    assert all(f"{number} ({sys.executable} -S" in refused.stderr for number in numbers)
    assert magnus(tmp_path, environment, "retry", "r", "-c", "config.yaml").returncode == 0


def test_a_killed_run_is_resumed_at_once_when_its_processes_end_with_it(tmp_path, environment):
    run, processes = begun(tmp_path, "shell", environment)
    run.kill()
    run.wait()
    pipeline = json.loads((tmp_path / "pipeline.yaml").read_text())
    pipeline["dag"]["steps"]["a"]["command"] = "true"
    (tmp_path / "pipeline.yaml").write_text(json.dumps(pipeline))
    resumed = magnus(tmp_path, environment, "retry", "r", "-c", "config.yaml")
    assert ended_by_the_run(processes) == set()
    assert resumed.returncode == 0, resumed.stderr


@pytest.mark.parametrize("parallel", [False, True])
def test_what_a_step_leaves_in_the_background_is_left_alone_when_the_run_ends_by_itself(
    parallel, tmp_path, environment
):
    step = {"type": "task", "command": "survivors.background", "next": "success"}
    (tmp_path / "pipeline.yaml").write_text(json.dumps({"dag": {"start_at": "a", "steps": {"a": step}}}))
    (tmp_path / "config.yaml").write_text(
        json.dumps({"executor": {"type": "local", "config": {"enable_parallel": parallel}}})
    )
    (tmp_path / "pids").mkdir()
    shutil.copy(Path(__file__).parent / "survivors.py", tmp_path)
    run = magnus(tmp_path, environment, "execute", "-c", "config.yaml")  # ends, though what it left is still there
    processes = {file.name: int(file.read_text()) for file in (tmp_path / "pids").glob("[a-z]*")}
    names = {"forked", "forked-twice", "started-session"}
    assert ended_by_the_run(processes, names) == names
    assert run.returncode == 0, run.stderr


def watching(pid):
    """The processes that watch over the run of this process."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = file.read_bytes()
            if b"system/descendants.py" in words and f"magnus-{pid}-".encode() in words:
                found.add(file.parent.name)
    return found


def test_the_process_that_watches_ends_with_the_run(tmp_path, environment):
    run, processes = begun(tmp_path, "shell", environment)
    there = len(watching(run.pid))
    run.terminate()
    run.wait()
    assert ended_by_the_run(processes) == set()
    assert there == 1
    wait_for(lambda: not watching(run.pid))
