"""The shell task kind, called as the engine calls it."""

import os
import shutil
import signal
from pathlib import Path

import pytest
from msgspec.structs import replace

from magnus.engine.step.outcomes import exported_metrics as read_metrics
from magnus.engine.step.outcomes import exported_parameters as read_parameters
from magnus.engine.values.parameter_values import Texts, environment
from magnus.graph.nodes import Return, TaskSpec
from magnus.interfaces.task_kind import TaskCall
from magnus.run_log.parameters import CountedMetric, JsonParameter, MetricParameter
from magnus.system.child_process import TimedOut
from magnus.tasks.shell import ShellTask, exports


def run(folder: Path, command: str, *, returns=None, timeout=None, options=None, path=None, **values):
    parameters = {name: JsonParameter(value) for name, value in values.items()}
    variables = {"PATH": path or os.environ["PATH"], "HOME": str(folder), **environment(parameters, Texts())}
    spec = TaskSpec("shell", command, options or {}, returns)
    outcome = ShellTask().run(TaskCall(spec, parameters, variables, folder, timeout))
    return replace(
        outcome,
        parameters={} if outcome.failure else {**read_parameters(outcome.exported), **outcome.parameters},
        metrics={**read_metrics(outcome.exported), **outcome.metrics},
    )


def set_by(outcome):
    assert outcome.failure == ""
    return {name: parameter.value for name, parameter in outcome.parameters.items()}


def test_two_megabytes_on_standard_error(tmp_path, capfd):
    command = "head -c 2000000 /dev/zero | tr '\\0' x >&2; export MAGNUS_PRM_done=true"
    assert set_by(run(tmp_path, command)) == {"done": True}
    assert len(capfd.readouterr().err) == 2_000_000


@pytest.mark.parametrize(
    "command",
    [
        "export MAGNUS_PRM_a=1 # a comment",
        "export MAGNUS_PRM_a=1; exit 0",
        "f() { export MAGNUS_PRM_a=1; exit 0; }; f",
        "export MAGNUS_PRM_a=1; trap 'true' EXIT",
        "export MAGNUS_PRM_a=1; trap -- 'exit 0' 0",
        "trap 'export MAGNUS_PRM_a=1' EXIT",
        "set -euo pipefail; export MAGNUS_PRM_a=1; IFS=x",
        "export MAGNUS_PRM_a=1; export PATH=",
        "cat <<END\ntext\nEND\nexport MAGNUS_PRM_a=1",
        "BASH_XTRACEFD=1; set -x; export MAGNUS_PRM_a=1",
        "set -xv; export MAGNUS_PRM_a=1",
        "declare -x UNSET; set -u; export MAGNUS_PRM_a=1",
        "IFS=A; readonly IFS; export MAGNUS_PRM_a=1",
        "set -o posix; export MAGNUS_PRM_a=1",
        "set -C; set -f; set -a; MAGNUS_PRM_a=1",
        "set -eET; trap 'echo error' ERR; trap 'echo debug' DEBUG; export MAGNUS_PRM_a=1",
        "printf() { echo mine; }; compgen() { echo HOME; }; set() { :; }; export MAGNUS_PRM_a=1",
        "shopt -s failglob nullglob expand_aliases; alias printf=false; export MAGNUS_PRM_a=1",
        "set -eux; trap 'export MAGNUS_PRM_a=1; true' EXIT",
        "set -- 1 2; shift 2; set -o onecmd; export MAGNUS_PRM_a=1",
        "exec 3>x 4>x 5>x 6>x 7>x 8>x 9>x 10>x 11>x 12>x 13>x; export MAGNUS_PRM_a=1",
        "exec 1>&- 2>&-; export MAGNUS_PRM_a=1",
    ],
)
def test_exports_are_read_at_the_end_however_it_ends(tmp_path, command):
    assert set_by(run(tmp_path, command)) == {"a": 1}


@pytest.mark.parametrize(
    "options",
    [
        "exec 5>trace.log; BASH_XTRACEFD=5; set -x",
        "exec 5>trace.log; BASH_XTRACEFD=5; set -xvT; trap 'echo $BASH_COMMAND >&5' DEBUG",
        "exec 2>trace.log; set -xv",
        "exec 2>trace.log; set -x; trap 'true' EXIT",
        "exec 3>trace.log 4>&3 5>&3 6>&3 7>&3 8>&3 9>&3",
    ],
)
def test_no_value_of_the_environment_reaches_the_users_trace(tmp_path, options):
    outcome = run(tmp_path, f"{options}; export MAGNUS_PRM_a=1", secret="s3cret-of-the-step")
    assert set_by(outcome) == {"a": 1}
    trace = (tmp_path / "trace.log").read_text()
    assert "s3cret-of-the-step" not in trace
    assert "HOME=" not in trace


@pytest.mark.parametrize(
    ("command", "warns"),
    [
        ("export MAGNUS_PRM_a=1; exec true", True),
        ("set -o posix; trap true EXIT; export MAGNUS_PRM_a=1", True),
        ("exec true", False),
        ("export MAGNUS_PRM_a=1; (exec true)", False),
    ],
)
def test_exports_that_are_lost_are_a_warning(tmp_path, command, warns):
    outcome = run(tmp_path, command)
    assert outcome.failure == ""
    assert [warning.partition(":")[0] for warning in outcome.warnings] == ["what the command exported is lost"] * warns


FILLS = "trap '' XFSZ; ulimit -f 8; export MAGNUS_PRM_big=$MAGNUS_PRM_x$MAGNUS_PRM_x"
"""As on a full disk: no file gets more bytes than these."""


@pytest.mark.parametrize(
    ("end", "status", "path"),
    [
        ("true", 74, None),
        ("trap 'echo mine' EXIT", 74, None),
        ("exit 5", 5, None),
        ("true", 74, "/nowhere"),
        ("exit 5", 5, "/nowhere"),
    ],
)
def test_exports_that_there_is_no_room_for_are_a_failure_and_are_not_cut(tmp_path, capfd, end, status, path):
    """Without bash a trap of the user takes the place of the one that exports."""
    outcome = run(tmp_path, f"{FILLS}; {end}", path=path, x="x" * 20_000)
    assert outcome.failure == f"exit status {status}"
    shown = capfd.readouterr().err
    assert ("there is no room in the folder for temporary files (TMPDIR)" in shown) == (status == 74)


def test_the_options_of_the_user_hold_in_the_users_trap(tmp_path):
    run(tmp_path, "exec 2>trace.log; set -x; trap 'echo in the trap; echo $undefined' EXIT")
    assert "echo in the trap" in (tmp_path / "trace.log").read_text()


def test_sh_writes_no_value_into_a_trace(tmp_path, monkeypatch):
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    for name in ("cat", "true"):
        (bin_ / name).symlink_to(shutil.which(name))
    outcome = run(
        tmp_path, "exec 2>trace.log; set -xvu; set -C; export MAGNUS_PRM_a=1", path=str(bin_), secret="s3cret"
    )
    assert set_by(outcome) == {"a": 1}
    assert "s3cret" not in (tmp_path / "trace.log").read_text()


def test_values_keep_their_newlines(tmp_path):
    assert set_by(run(tmp_path, "export MAGNUS_PRM_a=$'one\\ntwo\\n= #'")) == {"a": "one\ntwo\n= #"}


def test_printed_text_and_variables_that_are_not_exported_do_not_count(tmp_path):
    assert set_by(run(tmp_path, "echo MAGNUS_PRM_a=1; printf 'MAGNUS_PRM_b=2\\0'; MAGNUS_PRM_c=3")) == {}


def test_unchanged_parameters_are_not_set_again(tmp_path):
    assert set_by(run(tmp_path, "export MAGNUS_PRM_b=3", a=1, b=2)) == {"b": 3}


def test_a_parameter_of_200_kilobytes_does_not_break_the_step(tmp_path):
    outcome = run(tmp_path, "export MAGNUS_PRM_seen=${MAGNUS_PRM_large:-no}${large:-no}", large="x" * 200_000)
    assert set_by(outcome) == {"seen": "nono"}


def test_parameters_that_are_too_large_together_do_not_break_the_step(tmp_path):
    values = {f"p{number}": "x" * 60_000 for number in range(40)}
    outcome = run(tmp_path, 'export seen="${#small} ${#p1}"', returns=(Return("seen"),), small="abc", **values)
    assert (outcome.failure, outcome.parameters) == ("", {"seen": JsonParameter("3 60000", "3 60000")})


@pytest.mark.parametrize("path", [None, "/nowhere"])
def test_a_command_may_be_longer_than_one_argument(path, tmp_path):
    """It arrives as it is, also where it is cut."""
    long = "ü \n'" * 60_000
    outcome = run(
        tmp_path, f"x=$(/bin/cat <<'END'\n{long}\nEND\n)\nexport n=${{#x}}", returns=(Return("n"),), path=path
    )
    assert outcome.failure == ""
    assert outcome.parameters["n"].value in {len(long), len(long.encode())}  # sh counts bytes


def test_parameters_arrive_as_text_or_json(tmp_path):
    outcome = run(tmp_path, 'export MAGNUS_PRM_r="$MAGNUS_PRM_t|$t|$MAGNUS_PRM_l|$l"', t="te xt", l=[1, {"a": None}])
    assert set_by(outcome) == {"r": 'te xt|te xt|[1, {"a": null}]|[1, {"a": null}]'}
    assert outcome.arguments == {"t": "te xt", "l": [1, {"a": None}]}


def test_a_name_in_use_is_not_taken(tmp_path):
    assert set_by(run(tmp_path, "export MAGNUS_PRM_r=$HOME", HOME="mine")) == {"r": str(tmp_path)}


def test_a_grandchild_that_goes_on_is_not_waited_for(tmp_path):
    outcome = run(tmp_path, "sleep 3600 & echo $! > child; export MAGNUS_PRM_a=1")
    child = int((tmp_path / "child").read_text())
    os.kill(child, signal.SIGKILL)
    assert set_by(outcome) == {"a": 1}


@pytest.mark.parametrize(
    ("command", "failure"),
    [
        ("exit 7", "exit status 7"),
        ("false", "exit status 1"),
        ("kill -9 $$", "killed by SIGKILL"),
        ("if then", "exit status 2"),
        ("trap 'exit 5' EXIT", "exit status 5"),
    ],
)
def test_a_status_other_than_0_is_the_failure(tmp_path, command, failure):
    outcome = run(tmp_path, "export MAGNUS_PRM_a=1; " + command if command != "if then" else command)
    assert outcome.failure == failure
    assert outcome.parameters == {}


def test_the_users_trap_sees_the_status(tmp_path):
    run(tmp_path, "trap 'echo $? > status' EXIT; exit 3")
    assert (tmp_path / "status").read_text() == "3\n"


def test_a_trap_in_a_subshell_runs_there(tmp_path):
    run(tmp_path, "(trap 'echo sub > said' EXIT)")
    assert (tmp_path / "said").read_text() == "sub\n"


def test_strict_stops_at_the_first_failure(tmp_path):
    assert run(tmp_path, "false; true").failure == ""
    assert run(tmp_path, "false; true", options={"strict": True}).failure == "exit status 1"
    assert run(tmp_path, "false | true", options={"strict": True}).failure == "exit status 1"


def test_declared_results_are_read_from_exported_variables(tmp_path):
    returns = (Return("a"), Return("score", "metric"))
    outcome = run(tmp_path, "export a='[1, 2]' score=0.5", returns=returns)
    assert outcome.parameters == {"a": JsonParameter([1, 2], "[1, 2]"), "score": MetricParameter(0.5)}
    assert outcome.metrics == {"score": 0.5}
    assert run(tmp_path, "a=1; export score=1", returns=returns).failure == (
        "the command did not export 'a', declared in returns; write export NAME=VALUE"
    )


def test_tracked_metrics(tmp_path):
    outcome = run(tmp_path, "export MAGNUS_TRACK_loss=0.5 MAGNUS_TRACK_acc_STEP_2=3 MAGNUS_TRACK_acc_STEP_10=4")
    assert outcome.metrics == {"loss": 0.5, "acc": CountedMetric({2: 3, 10: 4})}


def test_a_timeout_ends_it(tmp_path):
    with pytest.raises(TimedOut, match=r"^timed out after 0.2 s$"):
        run(tmp_path, "sleep 3600 & sleep 3600", timeout=0.2)


def test_the_same_rules_hold_in_sh(tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("cat", "sleep"):
        (programs / name).symlink_to(shutil.which(name))
    command = "export MAGNUS_PRM_a='it'\\''s\ntwo lines'; echo MAGNUS_PRM_b=1; exit 0 # sh"
    assert set_by(run(tmp_path, command, path=str(programs))) == {"a": "it's\ntwo lines"}


def test_what_a_killed_shell_had_written_is_not_misread():
    assert exports("/bin/sh", b"export a='1'\nexport b='cut o") == {}


def test_an_empty_command_is_a_problem(tmp_path):
    [problem] = ShellTask().problems(TaskSpec("shell", "  "), tmp_path)
    assert problem.message == "the command is empty"
