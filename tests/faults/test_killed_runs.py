"""A run killed at any moment leaves a readable log with every step that was reported done."""

import json
import os
import random
import re
import subprocess
import sys
from tempfile import TemporaryDirectory

import pytest

STEPS = 40
SHARES = 4
REPORTED = re.compile(r"^\S+Z   (s\d+): SUCCESS in ", re.MULTILINE)


def dag():
    steps = {
        f"s{n}": {
            "type": "task",
            "command_type": "python-lambda",
            "command": "lambda x: {'x': x + 1}",
            "next": f"s{n + 1}" if n < STEPS - 1 else "success",
        }
        for n in range(STEPS)
    }
    return {"dag": {"start_at": "s0", "steps": steps}}


def command(*arguments):
    return [sys.executable, "-m", "magnus", *arguments]


@pytest.mark.parametrize("share", range(SHARES))
def test_every_step_reported_done_survives_a_kill(share, tmp_path, pytestconfig):
    (tmp_path / "p.yaml").write_text(json.dumps(dag()))
    moments = random.Random(20 + share)
    killed = 0
    with TemporaryDirectory(prefix="mt-", dir="/tmp") as temporary:
        environment = {**os.environ, "TMPDIR": temporary}
        for number in range(pytestconfig.getoption("--kills") // SHARES):
            name = f"run{number}"
            reported, was_killed = run_and_kill(tmp_path, environment, name, moments)
            killed += was_killed
            check(tmp_path, name, reported, was_killed)
        shown = show(tmp_path, environment, "run0")
    assert killed > 0
    assert shown["run_id"] == "run0"
    assert [entry.name for entry in (tmp_path / ".run_log_store").iterdir() if entry.name.endswith(".tmp")] == []


def run_and_kill(folder, environment, name, moments):
    """Kill the run right after a random step was reported, or a random moment later; what it had reported by then."""
    last = moments.randrange(STEPS)
    later = moments.random() * 0.01
    process = subprocess.Popen(
        command("execute", "p.yaml", "--x", "0", "--run-id", name),
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = []
    for line in process.stderr:
        said.append(line)
        if f" s{last}: started" in line:
            try:
                process.wait(later)
            except subprocess.TimeoutExpired:
                process.kill()
    process.wait()
    process.stderr.close()
    return REPORTED.findall("".join(said)), process.returncode == -9


def check(folder, name, reported, was_killed):
    from magnus.engine.processes.liveness import lost
    from magnus.run_log.view import document
    from magnus.run_log_stores.file_system import FileSystemOptions, FileSystemRunLogStore

    store = FileSystemRunLogStore(FileSystemOptions(), folder)
    run = store.get_run(name)
    log = document(run, lambda branch: store.list_steps(name, branch), lost=lost(run.owner))
    store.close()
    done = {step: record for step, record in log["steps"].items() if record["status"] == "SUCCESS"}
    assert set(reported) <= set(done)
    if was_killed and log["status"] != "SUCCESS":
        assert log["status"] == "FAIL"
        assert log["message"].startswith("lost: ")
        assert log["parameters"] == {"x": len(done.keys() - {"success"})}
    else:
        assert log["status"] == "SUCCESS"


def show(folder, environment, name):
    shown = subprocess.run(
        command("show", name, "--json"), cwd=folder, env=environment, capture_output=True, check=True
    )
    return json.loads(shown.stdout)
