"""The how-to on cluster libraries inside a step: its example with Dask runs, and leaves no process behind however it ends."""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from safety_net import LONGEST_SECONDS, growing

PAGE = Path(__file__).parents[2] / "docs/how-to/use-ray-and-dask.md"
LINES = ["one two", "three", "", "four five six"]

pytestmark = pytest.mark.slow


def block(language):
    """The first block of code in this language."""
    return PAGE.read_text().partition(f"```{language}\n")[2].partition("```")[0]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "counting.py").write_text(block("python"))
    (tmp_path / "pipeline.yaml").write_text(block("yaml"))
    (tmp_path / "parameters.yaml").write_text(json.dumps({"lines": LINES}))
    return tmp_path


def execute(folder, *more):
    done = subprocess.run(
        [sys.executable, "-m", "magnus", "execute", "pipeline.yaml", "-p", "parameters.yaml", *more],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
    )
    return json.loads(done.stdout), done.stderr


def processes_in(folder):
    """The processes that work in the folder."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdecimal() and os.readlink(process / "cwd") == str(folder):
                found.append((process.name, (process / "cmdline").read_bytes()))
    return found


def wait_until_empty(folder):
    deadline = time.monotonic() + LONGEST_SECONDS
    while processes_in(folder):
        assert time.monotonic() < deadline, processes_in(folder)
        time.sleep(0.05)


@pytest.mark.parametrize("executor", [{"type": "local"}, {"type": "local", "config": {"enable_parallel": True}}])
def test_the_example_runs(folder, executor):
    (folder / "magnus-config.yaml").write_text(json.dumps({"defaults": {"executor": executor}}))
    log, said = execute(folder)
    assert log["parameters"]["total"] == 6, said
    wait_until_empty(folder)


def test_workers_of_the_library_end_with_a_step_whose_time_is_over(folder):
    slow = block("python").replace(
        "return len(line.split())", "import time; open('begun', 'w').close(); time.sleep(3600)"
    )
    assert "sleep" in slow
    (folder / "counting.py").write_text(slow)
    for seconds in growing(10):
        (folder / "pipeline.yaml").write_text(block("yaml").replace("timeout: 600", f"timeout: {seconds}"))
        log, said = execute(folder)
        assert log["steps"]["total"]["message"].startswith("timed out after"), said
        wait_until_empty(folder)
        if (folder / "begun").exists():
            return
    pytest.fail("the workers did not begin in time")
