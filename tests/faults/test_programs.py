"""Programs that execute pipelines and get SIGTERM: nothing is left of the run, which says that it was interrupted."""

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

PROGRAM = """\
import os, signal, sys
from magnus import Pipeline, PythonTask, ShellTask

def waits():
    import time
    open("pid", "w").write(f"{os.getpid()}\\n")
    time.sleep(3600)

if __name__ == "__main__":
    PREPARE
    steps = {"shell": ShellTask("a", "echo $$ > pid; sleep 3600"), "python": PythonTask(waits, "a")}
    try:
        Pipeline([steps[sys.argv[1]]]).execute(run_id="mine")
    finally:
        open("after", "w").write(str(signal.getsignal(signal.SIGTERM)))
"""
WORKERS = "defaults: {executor: {type: local, config: {enable_parallel: true, max_workers: 2}}}\n"


def start(folder, kind, prepare="pass"):
    (folder / "program.py").write_text(PROGRAM.replace("PREPARE", prepare))
    argv = [sys.executable, "program.py", kind]
    return subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(holds):
    deadline = time.monotonic() + LONGEST_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def pid_of_step(folder):
    until(lambda: (folder / "pid").exists() and (folder / "pid").read_text().endswith("\n"))
    return int((folder / "pid").read_text())


def is_gone(pid):
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def shown(folder):
    argv = [sys.executable, "-m", "magnus", "show", "mine", "--json"]
    return json.loads(subprocess.run(argv, cwd=folder, capture_output=True, check=True).stdout)


@pytest.mark.parametrize("kind", ["shell", "python"])
@pytest.mark.parametrize("workers", [False, True])
def test_a_terminated_program_ends_its_steps_and_records_the_run(tmp_path, kind, workers):
    if workers:
        (tmp_path / "magnus-config.yaml").write_text(WORKERS)
    process = start(tmp_path, kind)
    pid = pid_of_step(tmp_path)
    process.terminate()
    process.communicate(timeout=LONGEST_SECONDS)
    assert process.returncode == -signal.SIGTERM
    until(lambda: is_gone(pid))
    log = shown(tmp_path)
    assert (log["status"], log["message"], log["steps"]["a"]["message"]) == ("FAIL", "interrupted", "interrupted")


def test_what_a_program_does_on_sigterm_itself_is_left_alone(tmp_path):
    process = start(tmp_path, "shell", "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))")
    pid = pid_of_step(tmp_path)
    process.terminate()
    process.communicate(timeout=LONGEST_SECONDS)
    assert process.returncode == 7
    until(lambda: is_gone(pid))
    assert "<lambda>" in (tmp_path / "after").read_text()


def test_sigterm_has_its_default_action_again_afterwards(tmp_path):
    (tmp_path / "program.py").write_text(
        "import signal\nfrom magnus import Pipeline, Stub\nPipeline([Stub('a')]).execute()\n"
        "print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)\n"
    )
    done = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, env=os.environ)
    assert done.stdout == "True\n", done.stderr
