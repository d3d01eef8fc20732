"""A run killed while large values go to the catalog: no record refers to content that is not there."""

import json
import random
import subprocess
import sys
import time

from forked import kept

WORK = """
def grown(rows: list = [], step: int = 0):
    return [*rows, *(["large"] * 60_000)], step + 1
"""
STEPS = 5
KILLS = 8


def test_what_records_refer_to_is_there_whenever_a_run_is_killed(tmp_path, commands):
    (tmp_path / "work.py").write_text(WORK)
    steps = {
        f"s{n}": {
            "type": "task",
            "command": "work.grown",
            "returns": ["rows", "step"],
            "next": f"s{n + 1}" if n < STEPS - 1 else "success",
        }
        for n in range(STEPS)
    }
    (tmp_path / "p.yaml").write_text(json.dumps({"dag": {"start_at": "s0", "steps": steps}}))
    moments, killed = random.Random(3), 0
    for number in range(KILLS):
        name = f"run{number}"
        killed += kill(tmp_path, name, moments)
        verified = commands("catalog", "verify", name, cwd=tmp_path, env=kept())
        assert verified.returncode == 0, verified.stdout + verified.stderr
        again = ("execute", "p.yaml", "--use-cached", name, "--run-id", f"again{number}")
        resumed = commands(*again, cwd=tmp_path, env=kept())
        assert resumed.returncode == 0, resumed.stderr
        log = json.loads(resumed.stdout)
        assert len(log["parameters"]["rows"]) == 60_000 * STEPS
        assert log["parameters"]["step"] == STEPS
    assert killed


def kill(folder, name, moments):
    """Kill the run a moment after a step of it began; whether it was still going on."""
    command = [sys.executable, "-m", "magnus", "execute", "p.yaml", "--run-id", name]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wanted = f" s{moments.randrange(STEPS)}: started"
    for line in process.stderr:
        if wanted in line:
            time.sleep(moments.random() * 0.02)
            process.kill()
    process.wait()
    process.stderr.close()
    return process.returncode == -9
