"""Workers that die, hang or are abandoned: their step fails and says why, the run goes on, and no process is left."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from safety_net import LONGEST_SECONDS

WORK = """\
import os, signal, subprocess, sys, time

def begin(): return {"xs": list(range(6)), "n": 0}
def value(x): return {"y": x}
def exits(x):
    if x == 2: os._exit(7)
    return {"y": x}
def leaves(x):
    if x == 2: os._exit(0)
    return {"y": x}
def crashes(x):
    if x == 2: os.kill(os.getpid(), signal.SIGSEGV)
    return {"y": x}
def takes_all_memory(x):
    if x == 2: os.kill(os.getpid(), signal.SIGKILL)
    return {"y": x}
def note():
    with open(f"pid-{os.getpid()}", "w"): pass
def waits():
    note()
    time.sleep(3600)
def does_not_listen():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen([sys.executable, "-c", "import work, time; work.note(); time.sleep(3600)"])
    note()
    time.sleep(3600)
def counted():
    with open("attempts", "a") as file: file.write(os.environ["MAGNUS_STEP_ATTEMPT"])
    return os.path.getsize("attempts")
def dies_twice():
    print("begins", counted(), flush=True)
    os.write(2, b"x" * 300_000 + b" ends\\n")
    if counted() < 5: os.kill(os.getpid(), signal.SIGKILL)
    with open("made.txt", "w") as file: file.write("made")
    return {"z": 1}
def tells_and_dies():
    from magnus import get_secret
    token = get_secret("TOKEN")
    print("before", flush=True)
    time.sleep(0.3)
    print("the token is", token[:5], end="", flush=True)
    print(token[5:], flush=True)
    with open("made.txt", "w") as file: file.write("made")
    os._exit(9)
def is_quiet_and_dies(): os._exit(9)
def talks(): print("somebody else's")
def slow(): time.sleep(3600)
def starts_at_exit():
    import atexit
    atexit.register(subprocess.run, ["sh", "-c", "grep SigIgn /proc/$$/status >ignored"])
def huge(): return {"big": "x" * 3_000_000}
def length(big, x): return {"n": len(big) + x}
"""


def one(command, **more):
    return {"start_at": "s", "steps": {"s": {"type": "task", "command": f"work.{command}", "next": "success", **more}}}


def map_of(branch, following="success"):
    return {"type": "map", "iterate_on": "xs", "iterate_as": "x", "branch": branch, "next": following}


def beginning(**steps):
    first = next(iter(steps))
    begin = {"type": "task", "command": "work.begin", "next": first}
    return {"start_at": "begin", "steps": {"begin": begin, **steps}}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "work.py").write_text(WORK)
    configure(tmp_path, 2)
    return tmp_path


def configure(folder, workers):
    executor = {"type": "local", "config": {"enable_parallel": True, "max_workers": workers}}
    (folder / "magnus-config.yaml").write_text(json.dumps({"defaults": {"executor": executor}}))


def start(folder, dag):
    (folder / "p.yaml").write_text(json.dumps({"dag": dag}))
    argv = [sys.executable, "-m", "magnus", "execute", "p.yaml", "--run-id", "mine"]
    return subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(folder, dag):
    process = start(folder, dag)
    said, complained = process.communicate(timeout=LONGEST_SECONDS)
    assert said, complained
    assert nothing_is_left(folder)
    return json.loads(said)


def shown(folder):
    argv = [sys.executable, "-m", "magnus", "show", "mine", "--json"]
    return json.loads(subprocess.run(argv, cwd=folder, capture_output=True, check=True).stdout)


def until(holds):
    deadline = time.monotonic() + LONGEST_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def processes_in(folder):
    """The processes whose working directory is the folder, and that have not ended."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            if state != "Z" and os.readlink(entry / "cwd") == str(folder):
                found.append((int(entry.name), (entry / "cmdline").read_bytes().decode().split("\0")))
    return found


def nothing_is_left(folder):
    until(lambda: not processes_in(folder))
    return True


def pids(folder):
    return [int(file.name.removeprefix("pid-")) for file in folder.glob("pid-*")]


def test_a_process_that_user_code_starts_at_exit_ignores_no_signal(folder):
    assert run(folder, one("starts_at_exit"))["status"] == "SUCCESS"
    mask = int((folder / "ignored").read_text().split()[1], 16)
    assert [number for number in (signal.SIGINT, signal.SIGTERM) if mask & 1 << (number - 1)] == []


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("exits", "exit status 7"),
        ("leaves", "exit status 0"),
        ("crashes", "killed by SIGSEGV"),
        ("takes_all_memory", "killed by SIGKILL, as the system may when memory runs out"),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_dies_fails_its_step_and_no_other(folder, command, said, workers):
    configure(folder, workers)
    log = run(folder, beginning(m=map_of(one(command))))
    branches = log["steps"]["m"]["branches"]
    assert [branches[str(n)]["status"] for n in range(6)] == ["SUCCESS"] * 2 + ["FAIL"] + ["SUCCESS"] * 3
    assert branches["2"]["steps"]["s"]["message"] == f"the worker process died before the step finished: {said}"
    assert log["steps"]["m"]["message"] == "branch 2 failed"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_step_whose_worker_dies_is_tried_again_in_another(folder, workers):
    configure(folder, workers)
    log = run(folder, one("dies_twice", max_attempts=4, retry_delay=0.1, catalog={"put": "made.txt"}))
    step = log["steps"]["s"]
    assert (log["status"], step["status"], log["parameters"]["z"]) == ("SUCCESS", "SUCCESS", 1)
    assert [(one["attempt_number"], one["status"]) for one in step["attempts"]] == [
        (0, "FAIL"), (1, "FAIL"), (2, "SUCCESS"),
    ]  # fmt: skip
    assert "killed by SIGKILL" in step["attempts"][0]["message"]
    assert (folder / "attempts").read_text() == "001122"
    assert [entry["name"] for entry in step["data_catalog"]] == ["made.txt"]
    expected = "".join(f"begins {n}\n{'x' * 300_000} ends\n" for n in (1, 3, 5))
    assert (folder / ".catalog/mine/.logs/s.log").read_text() == expected


def test_the_attempts_of_a_step_whose_workers_die_come_to_an_end(folder):
    log = run(folder, one("exits", max_attempts=3, retry_delay=0) | {"start_at": "begin"} | {
        "steps": {
            "begin": {"type": "task", "command_type": "shell", "command": "export MAGNUS_PRM_x=2", "next": "s"},
            **one("exits", max_attempts=3)["steps"],
        }
    })  # fmt: skip
    step = log["steps"]["s"]
    assert [attempt["attempt_number"] for attempt in step["attempts"]] == [0, 1, 2]
    said = "the worker process died before the step finished: exit status 7"
    assert {attempt["message"] for attempt in step["attempts"]} == {said}
    assert (step["status"], step["message"]) == ("FAIL", said)


def test_what_a_step_printed_before_its_worker_died_is_shown_and_kept_without_secrets(folder):
    defaults = json.loads((folder / "magnus-config.yaml").read_text())["defaults"]
    (folder / "magnus-config.yaml").write_text(json.dumps({"defaults": {**defaults, "secrets": {"type": "dotenv"}}}))
    (folder / ".env").write_text("TOKEN=never-to-be-seen")
    process = start(folder, one("tells_and_dies", catalog={"put": "made.txt"}))
    said, complained = process.communicate(timeout=LONGEST_SECONDS)
    step = json.loads(said)["steps"]["s"]
    expected = "before\nthe token is *****\n"
    assert (folder / ".catalog/mine/.logs/s.log").read_text() == expected
    assert [line.rpartition("| ")[2] for line in complained.splitlines() if " | " in line] == expected.splitlines()
    assert [entry["name"] for entry in step["data_catalog"]] == ["made.txt"]
    assert "never-to" not in said + complained
    assert nothing_is_left(folder)


def test_a_worker_that_dies_is_not_given_the_output_of_the_step_before(folder):
    configure(folder, 1)
    talks = {"type": "task", "command": "work.talks", "next": "s"}
    log = run(folder, one("is_quiet_and_dies") | {
        "start_at": "talks", "steps": {"talks": talks, **one("is_quiet_and_dies")["steps"]},
    })  # fmt: skip
    assert log["steps"]["s"]["status"] == "FAIL"
    logs = folder / ".catalog/mine/.logs"
    assert [file.name for file in logs.iterdir()] == ["talks.log"]
    assert (logs / "talks.log").read_text() == "somebody else's\n"


def test_a_step_of_a_worker_is_ended_when_its_time_is_over(folder):
    log = run(folder, one("slow", timeout=0.4))
    assert log["steps"]["s"]["message"] == "timed out after 0.4 s"


def test_maps_within_maps_share_one_worker(folder):
    configure(folder, 1)
    inner = {"start_at": "m", "steps": {"m": map_of(one("value"))}}
    log = run(folder, beginning(outer=map_of(inner)))
    assert log["status"] == "SUCCESS"
    assert log["parameters"]["y"] == [list(range(6))] * 6


def test_large_parameters_reach_every_worker(folder):
    huge = {"type": "task", "command": "work.huge", "next": "m"}
    log = run(folder, beginning(huge=huge, m=map_of(one("length"))))
    assert log["parameters"]["n"] == [3_000_000 + n for n in range(6)]


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_worker_that_is_told_to_end_from_outside_leaves_its_step_to_another_one(folder, attempts):
    with open(folder / "work.py", "a") as file:
        file.write(
            "def evicted():\n    print('attempt', flush=True)\n    attempts = counted()\n    note()\n    time.sleep(0 if attempts > 1 else 3600)\n"
        )
    handled = one("evicted", max_attempts=attempts, on_failure="t")
    handled["steps"]["t"] = {"type": "stub", "next": "success"}
    process = start(folder, handled)
    until(lambda: len(pids(folder)) == 1)
    os.kill(pids(folder)[0], signal.SIGTERM)
    said, _ = process.communicate(timeout=LONGEST_SECONDS)
    assert process.returncode == 0
    assert nothing_is_left(folder)
    steps = json.loads(said)["steps"]
    lost = "lost: its process was evicted before it finished (SIGTERM)"
    assert [one["message"] for one in steps["s"]["attempts"]] == [lost, ""][:attempts]
    assert (steps["s"]["status"], steps["s"]["message"]) == (("FAIL", lost) if attempts == 1 else ("SUCCESS", ""))
    assert ("t" in steps) == (attempts == 1)
    assert (folder / ".catalog/mine/.logs/s.log").read_text() == "attempt\n" * attempts


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("command", ["waits", "does_not_listen"])
def test_an_interruption_leaves_no_process(folder, number, status, command):
    branches = {name: one(command) for name in ("a", "b", "waits for a worker")}
    process = start(
        folder, {"start_at": "p", "steps": {"p": {"type": "parallel", "branches": branches, "next": "success"}}}
    )
    until(lambda: len(pids(folder)) == (2 if command == "waits" else 4))
    process.send_signal(number)
    process.communicate(timeout=LONGEST_SECONDS)
    assert process.returncode == status
    assert nothing_is_left(folder)
    log = shown(folder)
    assert (log["status"], log["message"]) == ("FAIL", "interrupted")
    began = log["steps"]["p"]["branches"]
    assert [began[name]["steps"]["s"]["message"] for name in ("a", "b")] == ["interrupted"] * 2
    assert "s" not in began.get("waits for a worker", {"steps": {}})["steps"]


def test_an_interruption_ends_what_steps_have_started(folder):
    with open(folder / "work.py", "a") as file:
        file.write(
            'def starts():\n    subprocess.Popen([sys.executable, "-c", "import work, time; work.note(); time.sleep(3600)"])\n'
            "    note()\n    time.sleep(3600)\n"
        )
    process = start(folder, one("starts"))
    until(lambda: len(pids(folder)) == 2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LONGEST_SECONDS)
    assert process.returncode == 130
    assert nothing_is_left(folder)


def test_workers_end_with_a_magnus_that_is_killed(folder):
    branches = {name: one("waits") for name in "ab"}
    process = start(
        folder, {"start_at": "p", "steps": {"p": {"type": "parallel", "branches": branches, "next": "success"}}}
    )
    until(lambda: len(pids(folder)) == 2)
    process.kill()
    process.communicate()
    assert nothing_is_left(folder)
    assert shown(folder)["status"] in {"PROCESSING", "FAIL"}


def test_the_run_goes_on_without_the_process_that_starts_workers(folder):
    process = start(folder, beginning(m=map_of(one("waits", on_failure="again", )) | {
        "branch": {"start_at": "s", "steps": {
            "s": {"type": "task", "command": "work.waits", "next": "success", "on_failure": "again"},
            "again": {"type": "task", "command": "work.value", "next": "success"},
        }},
    }))  # fmt: skip
    until(lambda: len(pids(folder)) >= 2)
    [forkserver] = {int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) for pid in pids(folder)}
    log = None
    for _ in range(3):
        os.kill(forkserver, signal.SIGKILL)
        seen = set(pids(folder))
        until(lambda seen=seen: process.poll() is not None or len(set(pids(folder)) - seen) >= 2)
        if process.poll() is not None:
            break
        new = [pid for pid in pids(folder) if pid not in seen]
        forkserver = int(Path(f"/proc/{new[0]}/stat").read_text().rpartition(")")[2].split()[1])
    said, complained = process.communicate(timeout=LONGEST_SECONDS)
    log = json.loads(said)
    assert log["status"] == "SUCCESS", complained
    assert log["parameters"]["y"] == list(range(6))
    messages = {branch["steps"]["s"]["message"] for branch in log["steps"]["m"]["branches"].values()}
    assert messages == {"the worker process was stopped since its forkserver died"}
    assert nothing_is_left(folder)


def test_a_worker_that_cannot_begin_ends_the_run_with_a_reason(folder):
    (folder / "sitecustomize.py").write_text(
        "import os, sys\nif 'magnus.executors.local.forkserver' in ' '.join(sys.orig_argv): os._exit(5)\n"
    )
    argv = [sys.executable, "-m", "magnus", "execute", "p.yaml", "--run-id", "mine"]
    (folder / "p.yaml").write_text(json.dumps({"dag": one("waits")}))
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=LONGEST_SECONDS)
    assert done.returncode == 3
    assert "worker processes cannot be started: exit status 5" in done.stderr
    assert shown(folder)["status"] == "FAIL"


def test_a_store_in_memory_is_refused_with_workers(folder):
    services = json.loads((folder / "magnus-config.yaml").read_text())["defaults"]
    (folder / "c.yaml").write_text(json.dumps({**services, "run_log_store": {"type": "buffered"}}))
    (folder / "p.yaml").write_text(json.dumps({"dag": one("waits")}))
    argv = [sys.executable, "-m", "magnus", "execute", "p.yaml", "-c", "c.yaml"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 2
    assert "the executor runs steps in other processes of this machine" in done.stderr
