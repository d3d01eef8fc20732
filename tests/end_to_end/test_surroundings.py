"""Where magnus is started does not break it: closed streams, a full disk, a folder that is gone."""

import json
import shlex
import signal
import subprocess
from functools import partial

import pytest

PIPELINE = """\
dag:
  start_at: a
  steps:
    a: {type: task, command_type: shell, command: "echo hello; export MAGNUS_PRM_x=1", next: success}
"""


@pytest.fixture
def shell(folder):
    """Runs a command line of a shell in the folder."""
    folder.write("p.yaml", PIPELINE)

    def run(line, **more):
        line = line.format(magnus=shlex.join(folder.command()))
        return subprocess.run(
            ["bash", "-c", line], cwd=folder.path, env=folder.environment, capture_output=True, text=True, **more
        )

    return run


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_a_run_succeeds_whatever_stream_is_closed(folder, shell, closed):
    done = shell(f"{{magnus}} execute --run-id mine p.yaml {closed}")
    assert done.returncode == 0, done.stderr
    if " 2>&-" not in f" {closed}":
        assert "mine: SUCCESS" in done.stderr
    written = json.loads((folder.path / ".run_log_store/mine.json").read_text())
    assert (written["status"], written["parameters"]) == ("SUCCESS", {"x": 1})
    if ">&-" not in closed.split():
        assert json.loads(done.stdout) == written


@pytest.mark.parametrize("timeout", ["", "timeout: 60, "])
@pytest.mark.parametrize("ignored", ["by the parent", "by a module"])
def test_a_command_that_fails_is_a_failure_where_children_are_ignored(folder, shell, ignored, timeout):
    folder.write("work.py", "import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\ndef f(): pass\n")
    first = "{type: task, command: work.f, next: b}" if ignored == "by a module" else "{type: stub, next: b}"
    second = f"{{type: task, {timeout}command_type: shell, command: exit 3, next: success}}"
    folder.write("p.yaml", f"dag: {{start_at: a, steps: {{a: {first}, b: {second}}}}}")
    prepare = partial(signal.signal, signal.SIGCHLD, signal.SIG_IGN) if ignored == "by the parent" else None
    done = shell("exec {magnus} execute p.yaml", preexec_fn=prepare)
    assert (done.returncode, "b: FAIL" in done.stderr, "exit status 3" in done.stderr) == (1, True, True)


def test_commands_that_show_something_need_no_stream(folder, shell):
    for command in ("runs", "check p.yaml", "schema pipeline", "--help"):
        done = shell(f"{{magnus}} {command} >&-")
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


@pytest.mark.parametrize("command", ["execute --run-id mine p.yaml", "runs --json", "check p.yaml", "--help"])
def test_output_that_cannot_be_written_is_one_error_that_says_so(folder, shell, command):
    shell("{magnus} execute p.yaml")
    done = shell(f"{{magnus}} {command} >/dev/full")
    assert done.returncode == 3
    wanted = "error: standard output cannot be written: No space left on device\n  fix: free space there\n"
    assert done.stderr.endswith(wanted)
    assert done.stderr.count("error: ") == 1
    assert "Traceback" not in done.stderr
    if "mine" in command:
        shown = folder.magnus("show", "mine", "--json")
        assert json.loads(shown.out)["status"] == "SUCCESS"


@pytest.mark.parametrize("command", ["execute p.yaml", "check p.yaml", "runs"])
def test_a_working_directory_that_is_gone_is_one_error(shell, command):
    done = shell(f"mkdir gone && cd gone && rmdir ../gone && exec {{magnus}} {command}")
    wanted = "error: the working directory is not there any more\n  fix: change to a folder that is there\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", wanted)


def test_a_run_needs_no_variable_of_the_environment(folder, shell):
    for name in ("HOME", "LANG", "TMPDIR", "PATH"):
        folder.environment.pop(name, None)
    done = shell("{magnus} execute p.yaml")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parameters"] == {"x": 1}


def test_a_relative_folder_for_temporary_files_is_found_from_everywhere(folder, shell):
    folder.write("p.yaml", PIPELINE.replace("echo hello;", "cd /; cat $MAGNUS_PARAMETERS_FILE;"))
    done = shell("TMPDIR=. {magnus} execute p.yaml --hello 1")
    assert (done.returncode, '{"hello": 1}' in done.stderr) == (0, True)
