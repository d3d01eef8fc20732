"""A place that goes away is no user's stop: SIGTERM to a process that another engine started leaves its step open.

The contract is written in `magnus.engine.processes.eviction`.
"""

import json
import signal
import time
from pathlib import Path

import pytest
from safety_net import LONGEST_SECONDS

LOST = "lost: its process was evicted before it finished (SIGTERM)"
WORK = """\
import os, time
from pathlib import Path

def work():
    number = os.environ["MAGNUS_STEP_ATTEMPT"]
    print("attempt", number, flush=True)
    Path("made.txt").write_text(number)
    Path(f"here-{number}").touch()
    if Path("go").exists():
        return {"number": int(number)}
    time.sleep(3600)
"""
COMMANDS = {
    "python": {"command": "work.work"},
    "shell": {
        "command_type": "shell",
        "command": "echo attempt $MAGNUS_STEP_ATTEMPT; echo $$ > child; touch here-$MAGNUS_STEP_ATTEMPT\n"
        "if [ ! -e go ]; then sleep 3600; fi\nexport number=$MAGNUS_STEP_ATTEMPT",
        "returns": ["number"],
    },
}
PLAIN = ["execute_single_node", "mine", "a", "-f", "p.yaml"]
ONE = [*PLAIN, "--one-attempt"]


def until(holds):
    deadline = time.monotonic() + LONGEST_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def written(folder, kind="shell", **more):
    folder.write("work.py", WORK)
    a = {**COMMANDS[kind], "next": "success", "on_failure": "handler", **more}
    handler = {"command_type": "shell", "command": "true", "next": "success"}
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "a", "steps": {"a": a, "handler": handler}}}))


def ended(folder, command, number, signal_number=signal.SIGTERM):
    """The exit status of the command that gets the signal in the middle of this attempt."""
    process = folder.start(*command)
    until((folder.path / f"here-{number}").exists)
    process.send_signal(signal_number)
    _, err = process.communicate(timeout=LONGEST_SECONDS)
    assert "Traceback" not in err
    return process.returncode


def shown(folder):
    return json.loads(folder.magnus("show", "mine", "--json").out)


def messages(step):
    return [attempt["message"] for attempt in step["attempts"]]


@pytest.mark.parametrize("kind", COMMANDS)
@pytest.mark.parametrize("command", [PLAIN, ONE], ids=["plain", "one attempt"])
def test_the_attempt_is_lost_and_the_next_process_makes_the_next_one(folder, command, kind):
    written(folder, kind, max_attempts=2)
    assert ended(folder, command, 0) == 143
    if kind == "shell":
        assert not Path("/proc", (folder.path / "child").read_text().strip()).exists()
    log = shown(folder)
    step = log["steps"]["a"]
    assert (log["status"], step["status"], step["message"]) == ("PROCESSING", "PROCESSING", LOST)
    assert messages(step) == [LOST]
    assert (folder.path / ".catalog/mine/.logs/a.log").read_text() == "attempt 0\n"
    (folder.path / "go").touch()
    assert folder.magnus(*command).status == 0
    step = shown(folder)["steps"]["a"]
    assert (step["status"], step["message"], messages(step)) == ("SUCCESS", "", [LOST, ""])
    assert (folder.path / ".catalog/mine/.logs/a.log").read_text() == "attempt 0\nattempt 1\n"


def test_a_stop_by_the_user_fails_the_step(folder):
    written(folder, max_attempts=2)
    assert ended(folder, PLAIN, 0, signal.SIGINT) == 130
    step = shown(folder)["steps"]["a"]
    assert (step["status"], step["message"], messages(step)) == ("FAIL", "interrupted", ["interrupted"])


def test_the_next_process_records_the_failure_when_no_attempt_is_left(folder):
    written(folder)
    assert ended(folder, PLAIN, 0) == 143
    assert folder.magnus(*PLAIN).status == 1
    step = shown(folder)["steps"]["a"]
    assert (step["status"], step["message"], messages(step)) == ("FAIL", LOST, [LOST])
    assert not (folder.path / "here-1").exists()


def test_the_step_that_the_failure_leads_to_records_it_when_it_comes_first(folder):
    written(folder)
    assert ended(folder, PLAIN, 0) == 143
    assert folder.magnus("execute_single_node", "mine", "handler", "-f", "p.yaml").status == 0
    steps = shown(folder)["steps"]
    assert (steps["a"]["status"], steps["a"]["message"], messages(steps["a"])) == ("FAIL", LOST, [LOST])
    assert list(steps) == ["a", "handler"]


def test_an_engine_that_counts_starts_may_lose_more_attempts_than_the_task_has(folder):
    written(folder)
    assert [ended(folder, ONE, number) for number in range(2)] == [143, 143]
    (folder.path / "go").touch()
    assert folder.magnus(*ONE).status == 0
    assert messages(shown(folder)["steps"]["a"]) == [LOST, LOST, ""]


def test_a_success_whose_files_did_not_reach_the_catalog_is_lost(folder):
    written(folder, "python", catalog={"put": ["made.txt"]}, max_attempts=2)
    (folder.path / "go").touch()
    with (folder.path / "work.py").open("a") as file:
        file.write(
            "import os, signal\nfrom magnus.catalogs.file_system import catalog as file_system\n"
            "real = file_system.FileSystemCatalog.put\n"
            "def put(*given, **more):\n"
            "    if os.environ.get('EVICTED'): os.kill(os.getpid(), signal.SIGTERM)\n"
            "    return real(*given, **more)\n"
            "file_system.FileSystemCatalog.put = put\n"
        )
    assert folder.magnus(*PLAIN, env={"EVICTED": "1"}).status == 143
    step = shown(folder)["steps"]["a"]
    assert (step["status"], messages(step), step["data_catalog"]) == ("PROCESSING", [LOST], [])
    assert folder.magnus(*PLAIN).status == 0
    log = shown(folder)
    assert (messages(log["steps"]["a"]), log["parameters"]["number"]) == ([LOST, ""], 1)
    assert [entry["name"] for entry in log["steps"]["a"]["data_catalog"]] == ["made.txt"]


@pytest.mark.parametrize(
    ("last_exit", "status"),
    [("139", 1), ("137", 1), ("134", 1), ("143", 0), ("0", 0), ("-1", 0), ("{{lastRetry.exitCode}}", 0), ("", 0)],
)
def test_a_crash_of_the_task_uses_an_attempt_up_and_an_end_by_the_engine_does_not(folder, last_exit, status):
    folder.write("work.py", "import os\ndef work():\n    if os.environ['MAGNUS_STEP_ATTEMPT'] == '0': os._exit(9)\n")
    a = {"command_type": "shell", "command": "[ $MAGNUS_STEP_ATTEMPT != 0 ] || kill -9 $PPID", "next": "success"}
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "a", "steps": {"a": a}}}))
    assert folder.magnus(*ONE).status == -9
    assert folder.magnus(*ONE, f"--last-exit={last_exit}").status == status
    step = shown(folder)["steps"]["a"]
    if status == 0:
        assert messages(step) == ["the process died before it could record how the attempt finished", ""]
    else:
        crashed = "the process of the step crashed, or was killed for lack of memory (killed by SIG"
        assert step["status"] == "FAIL"
        assert step["message"].startswith(crashed)
        assert step["message"].endswith(f", exit status {last_exit})")
        assert messages(step) == [step["message"]]


def test_the_end_of_a_run_whose_process_died_is_recorded_by_the_next_one(folder):
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "a", "steps": {"a": {"type": "stub", "next": "success"}}}}))
    assert folder.magnus(*PLAIN).status == 0
    end = ["execute_single_node", "mine", "success", "-f", "p.yaml"]
    assert folder.magnus(*end).status == 0
    file = folder.path / ".run_log_store/mine.jsonl"
    *before, _ = file.read_text().rstrip("\n").split("\n")  # the record of the run that ended
    file.write_text("\n".join(before) + "\n")
    assert (shown(folder)["status"], shown(folder)["steps"]["success"]["status"]) == ("PROCESSING", "SUCCESS")
    assert folder.magnus(*end).status == 0
    assert shown(folder)["status"] == "SUCCESS"
