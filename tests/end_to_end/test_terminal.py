"""The command in a real terminal: the live tree, what stays of it, and every way to end. Needs tmux."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

import pytest
from safety_net import LONGEST_SECONDS

IN_CI = os.environ.get("CI") == "true"
pytestmark = pytest.mark.skipif(not IN_CI and shutil.which("tmux") is None, reason="tmux is not installed")


class Terminal:
    """A terminal of 80 columns and 40 lines; `type` types, `screen` is what can be seen, `colours` with escape sequences."""

    def __init__(self, folder, socket):
        self.socket = str(socket)
        environment = {"LANG": "C.UTF-8", **folder.environment, "TERM": "screen", "PS1": "$ "}
        shell = shlex.join(["env", "-i", *(f"{k}={v}" for k, v in environment.items()), "/bin/sh"])
        limit = ["set-option", "-g", "history-limit", "200000", ";"]
        self.tmux("-f", "/dev/null", *limit, "new-session", "-d", "-x", "80", "-y", "40", "-c", str(folder.path), shell)
        self.pid = int(self.tmux("display-message", "-p", "#{pid}"))
        self.command = shlex.join(folder.command())
        self.folder = folder.path

    def tmux(self, *arguments):
        done = subprocess.run(["tmux", "-S", self.socket, *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    def type(self, text):
        self.tmux("send-keys", text, "Enter")

    def execute(self, *arguments, environment="", log="log.json"):
        """Begin to execute the pipeline `p.yaml`; its run log goes to a file, its exit status to the screen."""
        command = f"{environment} {self.command} execute p.yaml {shlex.join(arguments)}"
        self.type(f"clear; {command}{f' > {log}' if log else ''}; echo ended $?")

    def press(self, key):
        self.tmux("send-keys", key)

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def go_on(self):
        """Let the steps that wait for it end."""
        (self.folder / "go").touch()

    @property
    def screen(self):
        return self.tmux("capture-pane", "-p")

    @property
    def colours(self):
        return self.tmux("capture-pane", "-p", "-e")

    @property
    def everything(self):
        """All lines, those that have left the screen too."""
        return self.tmux("capture-pane", "-p", "-J", "-S", "-").splitlines()

    @property
    def state(self):
        """Whether the cursor can be seen, and whether lines wrap."""
        return self.tmux("display-message", "-p", "#{cursor_flag} #{wrap_flag}").split()

    def until(self, pattern):
        deadline = time.monotonic() + LONGEST_SECONDS
        while not re.search(pattern, screen := self.screen, re.MULTILINE):
            assert time.monotonic() < deadline, f"no {pattern!r} in:\n{screen}"
            time.sleep(0.05)
        return screen

    def ended(self, status):
        """The screen when the command has ended with the status."""
        screen = self.until(r"ended \d+")
        assert f"ended {status}\n" in screen, screen
        return screen

    def close(self):
        self.tmux("kill-server")
        deadline = time.monotonic() + LONGEST_SECONDS
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


WAIT = "until [ -e go ]; do sleep 0.05; done"
"""What a step does until `Terminal.go_on`."""
SPINNER = "[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]"
NAME = r"[a-z]+-[a-z]+-\d{4}-[0-9a-f]{6}"


def shell(command, next_step="success", **more):
    return {"command_type": "shell", "command": command, "next": next_step, **more}


def python(command, next_step="success", **more):
    return {"command": f"work.{command}", "next": next_step, **more}


def chain(**steps):
    return {"start_at": next(iter(steps)), "steps": steps}


def write(folder, dag, code="", **configuration):
    folder.write("p.yaml", json.dumps({"dag": dag}, ensure_ascii=False))
    folder.write("work.py", code)
    if configuration:
        folder.write("c.yaml", json.dumps({"executor": {"type": "local", "config": configuration}}))


def log(folder):
    return json.loads((folder.path / "log.json").read_text())


def lines(screen):
    return [line for line in screen.splitlines() if line and not line.startswith("$")]


def test_the_final_tree_has_colours_and_the_run_log_stays_clean(folder, terminal):
    write(folder, chain(first=shell("echo said [/x] by a step", "second"), second=shell("exit 3")))
    terminal.execute("--run-id", "mine")
    assert lines(terminal.ended(1)) == [
        "said [/x] by a step",
        "✗ mine",
        *[line for line in lines(terminal.screen) if line.startswith(("  ✓ first", "  ✗ second"))],
        "      exit status 3",
        *[line for line in lines(terminal.screen) if line.startswith("run mine: FAIL in ")],
        "  debug the step that failed: magnus debug mine second",
        "  resume where it stopped: magnus retry mine",
        "  read its output: magnus logs mine second",
        "ended 1",
    ]
    assert re.search(r"32m✓(\x1b\[\d+m)* first", terminal.colours)
    assert re.search(r"31m✗(\x1b\[[\d;]*m)* second", terminal.colours)
    assert log(folder)["status"] == "FAIL"


def test_while_steps_run_the_tree_shows_branches_and_what_they_say(folder, terminal):
    branches = {
        "left": chain(quick=shell("true", "waits"), waits=shell(f"echo working; {WAIT}")),
        "right 测试": chain(also=shell(f"printf 'half a line'; {WAIT}")),
    }
    write(
        folder, chain(both={"type": "parallel", "branches": branches, "next": "success"}),
        enable_parallel=True, max_workers=2,
    )  # fmt: skip
    terminal.execute("-c", "c.yaml")
    screen = terminal.until(r"waits .* working\n(.*\n)*.*also .* half a line")
    assert re.search(
        rf"both/left/waits \| working\n"
        rf"{SPINNER} {NAME}  [\d.]+ s  1 done, 2 running\n"
        rf"  {SPINNER} both  0/2  [\d.]+ s\n"
        rf"    {SPINNER} left\n"
        rf"      ✓ quick  [\d.]+ m?s\n"
        rf"      {SPINNER} waits  [\d.]+ s  working\n"
        rf"    {SPINNER} right 测试\n"
        rf"      {SPINNER} also  [\d.]+ s  half a line\n",
        screen,
    ), screen
    terminal.go_on()
    screen = terminal.ended(0)
    assert re.search(rf"^✓ {NAME}\n  ✓ both  2 branches  [\d.]+ m?s\nrun {NAME}: SUCCESS in", screen, re.MULTILINE), (
        screen
    )
    assert "  both/right 测试/also | half a line\n" in screen


def test_a_thousand_branches_are_a_bar_and_their_failures(folder, terminal):
    code = "import os, time\ndef item(n):\n    while n == 900 and not os.path.exists('go'):\n        time.sleep(.02)\n    assert n % 300\n"
    mapped = {
        "type": "map",
        "iterate_on": "ns",
        "iterate_as": "n",
        "branch": chain(item=python("item")),
        "next": "success",
    }
    write(folder, chain(each=mapped), code, enable_parallel=True, max_workers=2)
    folder.write("ns.json", json.dumps({"ns": list(range(1000))}))
    terminal.execute("-c", "c.yaml", "-p", "ns.json", "--run-id", "mine", "--show-output", "none")
    screen = terminal.until(r"999/1000, 3 failed")
    assert re.search(rf"  {SPINNER} each  ━{{19}}━?─?  999/1000, 3 failed", screen), screen
    assert re.search(r"^    ✗ 300/item  .*AssertionError", screen, re.MULTILINE), screen
    assert re.search(rf"^    {SPINNER} 900/item", screen, re.MULTILINE), screen
    terminal.go_on()
    screen = terminal.ended(1)
    assert re.search(r"  ✗ each  ━{20}  1000/1000, 4 failed", screen), screen
    assert lines(screen)[0] == "✗ mine"
    assert len(lines(screen)) == 2 + 4 * 2 + 5


def test_a_long_run_fits_the_terminal(folder, terminal):
    steps = {f"s{number}": python("step", f"s{number + 1}") for number in range(300)}
    write(folder, chain(**steps, s300=shell(WAIT)), "def step():\n    pass\n")
    terminal.execute("--run-id", "mine")
    screen = terminal.until(rf"{SPINNER} s300")
    shown = lines(screen)
    assert len(shown) == 26
    assert re.fullmatch(rf"{SPINNER} mine  [\d.]+ s  300 done, 1 running", shown[0])
    assert shown[1] == "  … 277 done"
    terminal.go_on()
    terminal.ended(0)
    assert sum("✓ mine" in line for line in terminal.everything) == 1
    assert not [line for line in terminal.everything if re.match(SPINNER, line)]


def test_all_that_a_step_prints_is_there_once(folder, terminal):
    code = "def many():\n    for number in range(100_000):\n        print('line', number)\n"
    write(folder, chain(many=python("many")), code)
    terminal.execute("--run-id", "mine")
    terminal.ended(0)
    printed = [line for line in terminal.everything if line.startswith("line ")]
    assert printed == [f"line {number}" for number in range(100_000)]
    assert not [line for line in terminal.everything if re.match(SPINNER, line)]


def test_bars_of_progress_stand_beside_the_step(folder, terminal):
    command = "for i in 10 50 90; do printf '\\r%s%%|#' $i; sleep 0.02; done; " + WAIT
    write(folder, chain(bar=shell(command)))
    terminal.execute("--run-id", "mine")
    assert re.search(rf"  {SPINNER} bar  [\d.]+ s  90%\|#\n", terminal.until("90%")), terminal.screen
    terminal.go_on()
    assert lines(terminal.ended(0))[:2] == ["90%|#", "✓ mine"]


def test_nothing_a_step_prints_or_is_called_breaks_the_tree(folder, terminal):
    name = "evil \x1b[2J\x1b[H\n\u202e👩‍🔬"
    evil = "\\033[2J\\033[H\\033[5A\\033[?1049h\\033]0;t\\007\\033[?25l\\033[31mred\\n"
    write(folder, chain(before=shell("echo kept", name), **{name: shell(f"printf '{evil}'; {WAIT}")}))
    terminal.execute("--run-id", "mine")
    screen = terminal.until("red")
    time.sleep(0.3)  # some frames more
    assert lines(terminal.screen)[:2] == ["kept", "red"], screen
    assert r"evil \x1b[2J\x1b[H\n\u202e" in terminal.until(r"\d s  red")
    terminal.go_on()
    assert lines(terminal.ended(0))[:4:3] == [
        "kept",
        "  ✓ before  " + screen.partition("✓ before  ")[2].partition("\n")[0],
    ]
    assert terminal.state == ["1", "1"]


def test_a_terminal_may_become_narrow_and_wide_again(folder, terminal):
    write(
        folder, chain(first=shell("echo " + "o" * 60, "n" * 60), **{"n" * 60: shell("echo " + "x" * 100 + f"; {WAIT}")})
    )
    terminal.execute("--run-id", "mine")
    terminal.until("n…  [1-9]")
    terminal.resize(40, 20)
    terminal.until(r"n…  [\d.]+ s  x*…$")
    for line in terminal.screen.splitlines():
        assert len(line) <= 40
    terminal.resize(100, 30)
    terminal.until(r"n{60}  [\d.]+ s  x+…$")
    time.sleep(0.3)
    assert len(re.findall(SPINNER + " n", terminal.screen)) == 1
    terminal.go_on()
    terminal.ended(0)


@pytest.mark.parametrize(("end", "status"), [("C-c", 130), ("TERM", 143)])
@pytest.mark.parametrize("parallel", [False, True])
def test_an_interruption_leaves_the_tree_and_the_terminal_as_they_should_be(folder, terminal, end, status, parallel):
    write(
        folder, chain(first=shell("true", "second"), second=shell("echo waiting; sleep 3600")), enable_parallel=parallel
    )
    terminal.type("stty -a > before")
    terminal.execute("-c", "c.yaml", "--run-id", "mine")
    terminal.until("second .* waiting")
    if end == "TERM":
        records = (folder.path / ".run_log_store/mine.jsonl").read_text()
        [pid] = set(re.findall(r'"pid": ?(\d+)', records))
        os.kill(int(pid), 15)
    else:
        terminal.press(end)
    screen = terminal.ended(status)
    assert re.search(
        r"✗ mine\n  ✓ first  [\d.]+ m?s\n  ✗ second  .*\n      interrupted\n"
        r"run mine: FAIL in [\d.]+ m?s\n  resume where it stopped: magnus retry mine -c c\.yaml\n+ended",
        screen,
    ), screen
    assert (log(folder)["status"], log(folder)["message"]) == ("FAIL", "interrupted")
    assert terminal.state == ["1", "1"]
    terminal.type("stty -a > after; echo compared")
    terminal.until("^compared")
    assert (folder.path / "before").read_text() == (folder.path / "after").read_text()


def test_stopped_and_continued_it_goes_on_below(folder, terminal):
    write(folder, chain(waits=shell(f"echo waiting; {WAIT}")))
    terminal.execute("--run-id", "mine")
    terminal.until("waits .* waiting")
    terminal.press("C-z")
    terminal.until("Stopped|ended")
    terminal.type("echo something else")
    terminal.until("^something else")
    terminal.type("fg; echo back $?")
    terminal.until(rf"something else\n(.*\n)*{SPINNER} mine")
    time.sleep(0.3)
    terminal.go_on()
    screen = terminal.until(r"something else\n(.*\n)*run mine: SUCCESS.*\n(.*\n)*back 0")
    assert screen.count("\nsomething else\n") == 1


def test_without_redirection_the_tree_is_below_the_run_log(folder, terminal):
    write(folder, chain(first=shell("echo hello")))
    terminal.execute("--run-id", "mine", log="")
    assert re.search(r"^\}\n✓ mine\n  ✓ first  .*\nrun mine: SUCCESS .*\nended 0", terminal.ended(0), re.MULTILINE)


def test_without_colours(folder, terminal):
    write(folder, chain(first=shell("exit 1")))
    terminal.execute("--run-id", "mine", environment="NO_COLOR=1")
    terminal.ended(1)
    assert "\x1b[" not in terminal.colours


@pytest.mark.parametrize("environment", ["TERM=dumb", "CI=1"])
def test_a_terminal_that_cannot_paint_gets_lines(folder, terminal, environment):
    write(folder, chain(first=shell("echo hello")))
    terminal.execute(environment=environment)
    assert re.search(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ   first: SUCCESS in ", terminal.ended(0), re.MULTILINE)


LOGS = """\
import logging

def logs():
    logging.getLogger("magnus.of.a.test").info("diagnosed")
    logging.getLogger("work").info("not configured, so not shown")
"""


def test_diagnosis_stands_above_the_tree(folder, terminal):
    write(folder, chain(first=python("logs")), LOGS)
    terminal.execute("--log-level", "INFO", "--run-id", "mine")
    screen = terminal.ended(0)
    assert re.search(r" INFO magnus\.of\.a\.test: diagnosed\n(.*\n)*✓ mine\n  ✓ first", screen), screen
    assert "not configured" not in screen


def test_a_program_shows_the_same(folder, terminal):
    folder.write(
        "program.py",
        "from magnus import Pipeline, ShellTask\n"
        "if __name__ == '__main__':\n"
        f"    run = Pipeline([ShellTask('waits', {WAIT!r})]).execute(run_id='mine')\n"
        "    print('returned', run.status.value)\n",
    )
    terminal.type(f"clear; {shlex.quote(sys.executable)} program.py; echo ended $?")
    terminal.until(rf"{SPINNER} mine .*\n  {SPINNER} waits")
    terminal.go_on()
    screen = terminal.ended(0)
    assert re.search(r"^✓ mine\n  ✓ waits  .*\nrun mine: SUCCESS .*\nreturned SUCCESS", screen, re.MULTILINE), screen


def test_a_step_can_ask(folder, terminal):
    write(folder, chain(asks=python("ask", returns=["said"])), "def ask():\n    return input('Name? ')\n")
    terminal.execute()
    terminal.until(r"asks  [\d.]+ s  Name\?")
    terminal.type("Ada")
    terminal.ended(0)
    assert log(folder)["parameters"] == {"said": "Ada"}
