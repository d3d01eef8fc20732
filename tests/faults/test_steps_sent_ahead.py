"""Steps that wait in a worker behind another one: they run elsewhere when it is slow or dies, and count no attempt."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from safety_net import LONGEST_SECONDS

WORK = """\
import os, signal, sys, threading, time

COUNT = 40
def begin(): return {"xs": list(range(COUNT))}
def texts(): return {"xs": [str(n) * 150_000 for n in range(10, 30)]}
def count(x):
    with open(f"ran-{x}", "a") as file: file.write(f"{os.getpid()}\\n")
    with open(f"ran-{x}") as file: return len(file.readlines())
def quick(x):
    count(x)
    return {"y": x}
def dies_at_first(x):
    if count(x) == 1 and x % 7 == 3: os.kill(os.getpid(), signal.SIGKILL)
    return {"y": x}
def burns(x):
    count(x)
    time.sleep(0.01)
    return {"y": x}
def ran(): return sum(name.startswith("ran-") for name in os.listdir("."))
def first_is_slow(x):
    count(x)
    while x == 0 and ran() < COUNT: time.sleep(0.01)
    return {"y": x}
def first_text_is_slow(x):
    count(x[:2])
    while x[:2] == "10" and ran() < 20: time.sleep(0.01)
    return {"y": len(x)}
def rest(): time.sleep(3600)
def waits(x):
    count(x)
    time.sleep(3600)
def wild(x):
    assert "WILD" not in os.environ and os.path.basename(os.getcwd()) == "project"
    match x % 8:
        case 0: os.environ["WILD"] = "1"
        case 1: os.chdir("/")
        case 2: sys.exit(3)
        case 3: print("x" * 300_000)
        case 4:
            if os.fork() == 0: os._exit(0)
            os.wait()
        case 5: threading.Thread(target=time.sleep, args=(0.05,), daemon=True).start()
        case 6: os._exit(5)
        case 7:
            if os.fork() == 0: time.sleep(0.1); raise SystemExit
    return {"y": x}
"""


@pytest.fixture
def folder(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / "work.py").write_text(WORK)
    executor = {"type": "local", "config": {"enable_parallel": True, "max_workers": 2}}
    (project / "magnus-config.yaml").write_text(json.dumps({"defaults": {"executor": executor}}))
    return project


def start(folder, command, begin="begin", **more):
    step = {"type": "task", "command": f"work.{command}", "next": "success", **more}
    branch = {"start_at": "s", "steps": {"s": step}}
    steps = {
        "begin": {"type": "task", "command": f"work.{begin}", "next": "m"},
        "m": {"type": "map", "iterate_on": "xs", "iterate_as": "x", "branch": branch, "next": "success"},
    }
    (folder / "p.yaml").write_text(json.dumps({"dag": {"start_at": "begin", "steps": steps}}))
    argv = [sys.executable, "-m", "magnus", "execute", "p.yaml", "--run-id", "mine"]
    return subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run_log(process):
    text, complaint = process.communicate(timeout=LONGEST_SECONDS)
    assert text, complaint
    return json.loads(text)


def steps_of(log):
    return [branch["steps"]["s"] for branch in log["steps"]["m"]["branches"].values()]


def times_run(folder, number):
    return len((folder / f"ran-{number}").read_text().splitlines())


def test_only_the_step_that_ran_counts_an_attempt_when_its_worker_dies(folder):
    log = run_log(start(folder, "dies_at_first", max_attempts=2))
    assert (log["status"], log["parameters"]["y"]) == ("SUCCESS", list(range(40)))
    expected = [2 if number % 7 == 3 else 1 for number in range(40)]
    assert [len(step["attempts"]) for step in steps_of(log)] == expected
    assert [times_run(folder, number) for number in range(40)] == expected


@pytest.mark.parametrize("seed", range(3))
def test_workers_killed_at_random_lose_no_step_and_repeat_no_finished_one(folder, seed):
    chance, kills = random.Random(seed), 0
    process = start(folder, "burns", max_attempts=20)
    while process.poll() is None and kills < 8:
        time.sleep(chance.uniform(0.005, 0.04))
        last = max(folder.glob("ran-*"), key=lambda file: file.stat().st_mtime_ns, default=None)
        pid = last and last.read_text().split()[-1:]
        if pid:
            with suppress(ProcessLookupError):
                os.kill(int(pid[0]), signal.SIGKILL)
                kills += 1
    log = run_log(process)
    assert (log["status"], log["parameters"]["y"]) == ("SUCCESS", list(range(40)))
    attempts = [step["attempts"] for step in steps_of(log)]
    assert [[one["status"] for one in own][-1] for own in attempts] == ["SUCCESS"] * 40
    assert sum(len(own) - 1 for own in attempts) <= kills
    assert all(times_run(folder, number) <= len(own) for number, own in enumerate(attempts))


@pytest.mark.parametrize(
    ("command", "begin", "expected"),
    [("first_is_slow", "begin", list(range(40))), ("first_text_is_slow", "texts", [300_000] * 20)],
)
def test_no_step_waits_behind_a_slow_one(folder, command, begin, expected):
    log = run_log(start(folder, command, begin))
    assert (log["status"], log["parameters"]["y"]) == ("SUCCESS", expected)


def test_steps_that_wait_behind_others_never_start_when_the_run_is_interrupted(folder):
    process = start(folder, "waits")
    deadline = time.monotonic() + LONGEST_SECONDS
    while len(list(folder.glob("ran-*"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LONGEST_SECONDS)
    assert process.returncode == 130
    argv = [sys.executable, "-m", "magnus", "show", "mine", "--json"]
    log = json.loads(subprocess.run(argv, cwd=folder, capture_output=True, check=True).stdout)
    started = [branch["steps"]["s"] for branch in log["steps"]["m"]["branches"].values() if branch["steps"]]
    assert [step["message"] for step in started] == ["interrupted"] * 2
    assert len(list(folder.glob("ran-*"))) == 2


def test_user_code_changes_nothing_for_the_steps_behind_it(folder):
    steps = steps_of(run_log(start(folder, "wild")))
    failures = {2: "SystemExit: 3", 6: "os._exit(5)"}
    for number, step in enumerate(steps):
        assert (step["status"] == "FAIL") == (number % 8 in failures), (number, step["message"])
        assert len(step["attempts"]) == 1
    logs = Path(folder / ".catalog/mine/.logs")
    assert sorted(file.stat().st_size for file in logs.iterdir() if file.stat().st_size >= 300_000) == [300_001] * 5
