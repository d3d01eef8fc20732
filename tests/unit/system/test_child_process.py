"""Child processes: how they end, and that nothing of them stays."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from safety_net import LONGEST_SECONDS, growing

from magnus.errors import TaskFailed
from magnus.system.child_process import TimedOut, describe_exit, run_process

linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which processes are of a step")


def run(script, tmp_path, timeout=None, **environment):
    return run_process(["/bin/sh", "-c", script], environment=environment, working_directory=tmp_path, timeout=timeout)


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("exit 0", 0, "exit status 0"),
        ("exit 7", 7, "exit status 7"),
        ("kill -9 $$", -9, "killed by SIGKILL"),
        ("kill -40 $$", -40, "killed by signal 40"),
    ],
)
def test_how_it_ended(tmp_path, script, code, said):
    assert run(script, tmp_path) == code
    assert describe_exit(code) == said


def reap(*_):
    """As a handler of SIGCHLD that is for the children of its own module."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


@pytest.mark.parametrize("timeout", [None, LONGEST_SECONDS])
@pytest.mark.parametrize("handler", [signal.SIG_IGN, reap])
def test_code_that_reaps_all_children_does_not_take_its_exit_status(tmp_path, handler, timeout):
    before = signal.signal(signal.SIGCHLD, handler)
    other = subprocess.Popen(["true"]) if handler is reap else None
    try:
        assert run("exit 7", tmp_path, timeout) == 7
        assert signal.getsignal(signal.SIGCHLD) == handler
    finally:
        signal.signal(signal.SIGCHLD, before)
        if other is not None:
            other.wait()


@pytest.mark.parametrize("timeout", [None, LONGEST_SECONDS])
def test_an_exit_status_that_is_lost_is_no_success(tmp_path, timeout):
    """In a thread that is not the main one signals cannot be changed."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with ThreadPoolExecutor(1) as thread, pytest.raises(TaskFailed, match=r"the exit status .* is lost"):
            thread.submit(run, "exit 0", tmp_path, timeout).result()
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_it_gets_this_environment_and_folder_and_no_input(tmp_path):
    assert run('test "$A" = b && test -z "$HOME" && test "$(pwd)" = "$WANTED" && ! read x', tmp_path, A="b", WANTED=str(tmp_path)) == 0  # fmt: skip


def test_the_rest_of_the_group_ends_with_the_child_where_that_is_wanted(tmp_path):
    code = run_process(
        ["/bin/sh", "-c", "sleep 3600 & echo $! > pid; exit 3"],
        environment={"PATH": os.environ["PATH"]},
        working_directory=tmp_path,
        timeout=None,
        ends_all=True,
    )
    assert code == 3
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_timeout_ends_the_whole_group(tmp_path):
    pid_when_timed_out("sleep 3600 & echo $! > pid; wait", tmp_path)
    assert gone(int((tmp_path / "pid").read_text()))


def pid_when_timed_out(script, folder):
    """Run a script, which writes `pid`, until its time is over."""
    for seconds in growing(0.3):
        with pytest.raises(TimedOut, match=rf"timed out after {seconds:g} s"):
            run(script, folder, timeout=seconds, PATH=os.environ["PATH"])
        if (folder / "pid").exists() and (folder / "pid").read_text():
            return


def test_what_ignores_the_end_is_killed(tmp_path):
    pid_when_timed_out("trap '' TERM; echo $$ > pid; while :; do sleep 0.1; done", tmp_path)
    assert gone(int((tmp_path / "pid").read_text()))


def test_what_it_leaves_in_the_background_is_left_alone(tmp_path):
    assert run("sleep 3600 >/dev/null 2>&1 & echo $! > pid", tmp_path, PATH=os.environ["PATH"]) == 0
    pid = int((tmp_path / "pid").read_text())
    os.kill(pid, 0)
    os.kill(pid, 9)


def test_a_program_that_is_not_there(tmp_path):
    with pytest.raises(TaskFailed, match="'/nowhere/x' could not be started: No such file or directory"):
        run_process(["/nowhere/x"], environment={}, working_directory=tmp_path, timeout=None)


def test_a_folder_that_is_not_there(tmp_path):
    folder = tmp_path / "gone"
    with pytest.raises(TaskFailed, match=f"'/bin/sh' could not be started: there is no working directory '{folder}'"):
        run("true", folder)


def test_arguments_that_are_too_large(tmp_path):
    with pytest.raises(TaskFailed, match="its arguments and environment are too large together"):
        run("true", tmp_path, BIG="x" * 10_000_000)


def gone(pid):
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":  # ended, and waited for by whoever adopted it
            return True
        time.sleep(0.02)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("number", range(8))
def test_an_interruption_at_the_very_start_leaves_no_process(tmp_path, number):
    with pytest.raises(KeyboardInterrupt):
        run("echo $$ > pid; kill -INT $PPID; sleep 3600", tmp_path, PATH=os.environ["PATH"])
    assert gone(int((tmp_path / "pid").read_text()))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


LEAVES = {
    "a session": "setsid sleep 3600 & echo $! > pid",
    "a session and its parent": "(setsid sh -c 'echo $$ > pid; exec sleep 3600' &)",
    "a session, and its environment": "setsid sh -c 'echo $$ > pid; env -i sleep 3600; :' &",
}


@pytest.mark.slow
@linux
@pytest.mark.parametrize("left", LEAVES.values(), ids=LEAVES)
@pytest.mark.parametrize(
    ("how", "timeout", "ends_all"),
    [("sleep 3600", 0.3, False), ("kill -9 $$", None, False), ("exit 0", None, True)],
    ids=["timeout", "signal", "ends all"],
)
def test_what_left_the_group_is_ended_too(left, how, timeout, ends_all, tmp_path):
    address = f"{tmp_path}/channel#0123456789abcdef"  # of this test alone: others run at the same time
    environment = {"PATH": os.environ["PATH"], "MAGNUS_STEP_CHANNEL": address}
    other = {**environment, "MAGNUS_STEP_CHANNEL": address[:-1] + "0"}
    with (
        subprocess.Popen(["sleep", "3600"], env=other, start_new_session=True) as of_another_attempt,
        ExitStack() as on_exit,
    ):
        on_exit.callback(of_another_attempt.kill)
        for seconds in growing(timeout) if timeout else (None,):
            with suppress(TimedOut):
                run_process(
                    ["/bin/sh", "-c", f"{left}\nwhile ! [ -s pid ]; do :; done; {how}"],
                    environment=environment,
                    working_directory=tmp_path,
                    timeout=seconds,
                    ends_all=ends_all,
                )
            if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
                break
        assert gone(int((tmp_path / "pid").read_text()))
        assert of_another_attempt.poll() is None
