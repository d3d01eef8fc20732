"""The contract suite of executors: an executor proves itself by subclassing `ExecutorContract`.

::

    class TestMyExecutor(ExecutorContract):
        configuration = {"type": "mine", "config": {"workers": 2}}

One that runs steps in other processes subclasses `ProcessExecutorContract` in its place.

The tests run pipelines with the command `magnus`, so the executor has to be installed, or on `PYTHONPATH`. With
`pytest.register_assert_rewrite("magnus.testing")` in a `conftest.py`, before the import, failures show values.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from magnus.engine.processes.eviction import LOST
from magnus.values import Json

__all__ = ["ExecutorContract", "ProcessExecutorContract"]

LONGEST_SECONDS = 1000
"""A safety net against hangs: more than anything takes on a busy machine."""
_WORK = """\
def start(): return {"xs": [1, 2, 3], "n": 0}
def square(x): return {"y": x * x}
def add(n): return {"n": n + 1, "enough": n >= 2}
def fail(x=0): raise ValueError(f"no {x}")
def die():
    import os
    os._exit(9)
def total(*values): return sum(values)
"""


def _task(command: str, following: str = "success", **more: Json) -> Json:
    return {"type": "task", "command": f"contract_work.{command}", "next": following, **more}


def _pipeline(start_at: str, **steps: Json) -> Json:
    return {"start_at": start_at, "steps": steps}


_ALL = _pipeline(
    "start",
    start=_task("start", "squares"),
    squares={
        "type": "map",
        "iterate_on": "xs",
        "iterate_as": "x",
        "reducer": "contract_work.total",
        "branch": _pipeline("square", square=_task("square")),
        "next": "both",
    },
    both={
        "type": "parallel",
        "branches": {
            "left": _pipeline("fails", fails=_task("fail", on_failure="saved"), saved=_task("add")),
            "right": _pipeline("makes", makes={
                "type": "task",
                "command_type": "shell",
                "command": "echo $n > made.txt",
                "catalog": {"put": "made.txt"},
                "next": "success",
            }),
        },
        "next": "again",
    },
    again={
        "type": "loop",
        "branch": _pipeline("add", add=_task("add")),
        "max_iterations": 9,
        "break_on": "enough",
        "next": "reads",
    },
    reads={
        "type": "task",
        "command_type": "shell",
        "command": "export MAGNUS_PRM_read=$(cat made.txt)",
        "catalog": {"get": "made.txt"},
        "next": "success",
    },
)  # fmt: skip


class ExecutorContract:
    """Subclass it with a name that begins with `Test`, and say in `configuration` how to get the executor."""

    configuration: ClassVar[Mapping[str, Json]]
    run_log_store: ClassVar[Mapping[str, Json]] = {"type": "file-system"}

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """A working directory with functions, and a configuration that names the executor."""
        services = {"executor": dict(self.configuration), "run_log_store": dict(self.run_log_store)}
        (tmp_path / "contract_work.py").write_text(_WORK)
        (tmp_path / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
        return tmp_path

    def test_every_shape_of_pipeline_runs(self, folder: Path) -> None:
        log = run(folder, _ALL)
        assert log["status"] == "SUCCESS"
        assert log["parameters"] == {"xs": [1, 2, 3], "y": 14, "n": 3, "enough": True, "read": 0}
        assert list(log["steps"]) == ["start", "squares", "both", "again", "reads", "success"]
        assert list(log["steps"]["both"]["branches"]["left"]["steps"]) == ["fails", "saved", "success"]

    def test_a_step_that_fails_ends_the_run(self, folder: Path) -> None:
        log = run(folder, _pipeline("a", a=_task("fail")), status=1)
        assert (log["status"], log["steps"]["a"]["status"]) == ("FAIL", "FAIL")
        assert "ValueError: no 0" in log["steps"]["a"]["message"]

    def test_attempts_are_made_until_there_are_none_left(self, folder: Path) -> None:
        log = run(folder, _pipeline("a", a=_task("fail", max_attempts=3)), status=1)
        assert [attempt["attempt_number"] for attempt in log["steps"]["a"]["attempts"]] == [0, 1, 2]

    def test_a_step_is_ended_when_its_time_is_over(self, folder: Path) -> None:
        slow = {"type": "task", "command_type": "shell", "command": "sleep 3600", "timeout": 0.3, "next": "success"}
        log = run(folder, _pipeline("a", a=slow), status=1)
        assert log["steps"]["a"]["message"] == "timed out after 0.3 s"

    def test_an_interruption_ends_the_steps_and_is_recorded(self, folder: Path) -> None:
        waiting = {"type": "task", "command_type": "shell", "command": "echo $$ > pid; sleep 3600", "next": "success"}
        (folder / "p.yaml").write_text(json.dumps({"dag": _pipeline("a", a=waiting)}))
        with subprocess.Popen(command_line("--run-id", "mine"), cwd=folder, stdout=-3, stderr=-3) as process:
            until((folder / "pid").exists)
            until(lambda: bool((folder / "pid").read_text().strip()))
            process.send_signal(signal.SIGINT)
            assert process.wait(LONGEST_SECONDS) == 130
        until(lambda: not _runs(int((folder / "pid").read_text())))
        log = json.loads(output_of(folder, "show", "mine", "--json"))
        assert (log["status"], log["message"], log["steps"]["a"]["status"]) == ("FAIL", "interrupted", "FAIL")

    def test_a_secret_lands_in_no_file_and_no_stream(self, folder: Path) -> None:
        executor, store = dict(self.configuration), dict(self.run_log_store)
        services = {"executor": executor, "run_log_store": store, "secrets": {"type": "dotenv"}}
        (folder / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
        (folder / ".env").write_text("TOKEN=never-to-be-seen")
        shown = {"type": "task", "command_type": "shell", "command": 'echo "<$TOKEN>"; exit 3', "secrets": "TOKEN"}
        (folder / "p.yaml").write_text(json.dumps({"dag": _pipeline("a", a={**shown, "next": "success"})}))
        done = subprocess.run(command_line(), cwd=folder, capture_output=True, check=False, timeout=LONGEST_SECONDS)
        assert b"<*****>" in done.stdout
        assert b"<*****>" in done.stderr
        files = [file for file in folder.rglob("*") if file.is_file() and file.name != ".env"]
        assert b"never-to-be-seen" not in b"".join([done.stdout, done.stderr, *(file.read_bytes() for file in files)])


class ProcessExecutorContract(ExecutorContract):
    """The same, of an executor that runs steps in other processes than that of `magnus execute`."""

    @pytest.mark.parametrize("attempts", [1, 2])
    def test_a_step_whose_place_goes_away_is_attempted_again(self, folder: Path, attempts: int) -> None:
        """SIGTERM to the process that runs the step is no user's stop."""
        command = "if [ -e gone ]; then exit 0; fi; touch gone; kill -TERM $PPID; sleep 3600"
        step = {"type": "task", "command_type": "shell", "command": command, "next": "success"}
        handled = _pipeline("a", a={**step, "max_attempts": attempts, "on_failure": "b"}, b=_task("start"))
        log = run(folder, handled)
        a = log["steps"]["a"]
        assert log["status"] == "SUCCESS"
        assert [attempt["message"] for attempt in a["attempts"]] == [LOST, ""][:attempts]
        assert (a["status"], a["message"]) == (("FAIL", LOST) if attempts == 1 else ("SUCCESS", ""))
        assert ("b" in log["steps"]) == (attempts == 1)


def run(folder: Path, dag: Json, *, status: int = 0, more: Sequence[str] = ()) -> Json:
    """Run the pipeline in the folder with `more` options, check the exit status, and return the run log."""
    (folder / "p.yaml").write_text(json.dumps({"dag": dag}))
    command = command_line(*more)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS)
    assert done.returncode == status, done.stderr
    log: Json = json.loads(done.stdout)
    return log


def command_line(*more: str) -> list[str]:
    return [sys.executable, "-m", "magnus", "execute", "p.yaml", *more]


def output_of(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "magnus", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    """Whether the process exists and has not exited."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
