"""The command in a real terminal: colours, progress while it runs, and Ctrl-C. Needs tmux."""

import json
import os
import re
import shlex
import shutil
import subprocess
import time

import pytest

IN_CI = os.environ.get("CI") == "true"
pytestmark = pytest.mark.skipif(not IN_CI and shutil.which("tmux") is None, reason="tmux is not installed")

WAIT_SECONDS = 20


class Terminal:
    """A terminal of 80 columns; `type` types, `screen` is what can be seen, escape sequences included."""

    def __init__(self, folder, socket):
        self.socket = str(socket)
        shell = shlex.join(["env", "-i", *(f"{k}={v}" for k, v in folder.environment.items()), "/bin/sh"])
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "40", "-c", str(folder.path), shell)
        self.pid = int(self.tmux("display-message", "-p", "#{pid}"))
        self.command = shlex.join(folder.command())

    def tmux(self, *arguments):
        done = subprocess.run(["tmux", "-S", self.socket, *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    def type(self, text):
        self.tmux("send-keys", text, "Enter")

    def press(self, key):
        self.tmux("send-keys", key)

    @property
    def screen(self):
        return self.tmux("capture-pane", "-p", "-e")

    def until(self, pattern):
        deadline = time.monotonic() + WAIT_SECONDS
        while not re.search(pattern, screen := self.screen):
            assert time.monotonic() < deadline, f"no {pattern!r} in:\n{screen}"
            time.sleep(0.05)
        return screen

    def close(self):
        self.tmux("kill-server")
        deadline = time.monotonic() + WAIT_SECONDS
        while os.path.exists(f"/proc/{self.pid}") and time.monotonic() < deadline:
            time.sleep(0.02)


@pytest.fixture
def terminal(folder):
    socket = f"{folder.environment['TMPDIR']}/tmux"
    opened = Terminal(folder, socket)
    yield opened
    opened.close()
    if os.path.exists(socket):
        os.unlink(socket)


def pipeline(folder, command):
    steps = {
        "first": {"command_type": "shell", "command": "echo said [/x] by a step", "next": "second"},
        "second": {"command_type": "shell", "command": command, "next": "success"},
    }
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "first", "steps": steps}}))


def test_progress_has_colours_and_the_run_log_stays_clean(folder, terminal):
    pipeline(folder, "exit 3")
    terminal.type(f"{terminal.command} execute p.yaml > log.json; echo ended $?")
    screen = terminal.until(r"ended \d")
    assert "ended 1" in screen
    assert "said [/x] by a step" in screen
    assert re.search(r"32m(\x1b\[\d+m)* *first: SUCCESS in", screen), screen
    assert re.search(r"31m(\x1b\[\d+m)* *second: FAIL in .*exit status 3", screen), screen
    assert json.loads((folder.path / "log.json").read_text())["status"] == "FAIL"


def test_ctrl_c_ends_the_run_and_says_so(folder, terminal):
    pipeline(folder, "echo waiting; sleep 60")
    terminal.type(f"{terminal.command} execute p.yaml --run-id mine > log.json; echo ended $?")
    terminal.until("waiting")
    terminal.press("C-c")
    assert "ended 130" in terminal.until(r"ended \d")
    log = json.loads((folder.path / "log.json").read_text())
    assert (log["status"], log["message"]) == ("FAIL", "interrupted")
    assert log["steps"]["second"]["message"] == "interrupted"
