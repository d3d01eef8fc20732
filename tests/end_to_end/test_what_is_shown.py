"""What the command says on standard error when that is no terminal, and how much of it is wanted."""

import json
import re

import pytest

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ "


def pipeline(folder, *, fails=False):
    steps = {
        "a": {"command_type": "shell", "command": "echo said", "next": "b"},
        "b": {"command": "work.step", "next": "success"},
    }
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "a", "steps": steps}}))
    folder.write("work.py", f"def step():\n    print('last words')\n    {'raise ValueError(1)' if fails else 'pass'}\n")


def test_lines_of_a_run_have_their_time_and_output_has_none(folder):
    pipeline(folder)
    done = folder.magnus("execute", "p.yaml", "--run-id", "mine")
    took = r"SUCCESS in [\d.]+ (ms|s)"
    assert re.fullmatch(
        f"{STAMP}run mine started\n{STAMP}  a: started\nsaid\n{STAMP}  a: {took}\n"
        f"{STAMP}  b: started\nlast words\n{STAMP}  b: {took}\n{STAMP}run mine: {took}\n",
        done.err,
    ), done.err


@pytest.mark.parametrize("option", ["-q", "--quiet"])
def test_quiet_says_nothing_of_what_succeeds(folder, option):
    pipeline(folder)
    done = folder.magnus("execute", "p.yaml", option)
    assert (done.status, done.err, done.log["status"]) == (0, "", "SUCCESS")


def test_quiet_says_why_a_run_failed(folder):
    pipeline(folder, fails=True)
    done = folder.magnus("execute", "p.yaml", "--quiet", "--run-id", "mine")
    message = r"ValueError: 1 \(work\.py:3 in step\)"
    assert re.fullmatch(
        rf"run mine: FAIL in [\d.]+ (ms|s): step 'b' failed: {message}\n"
        r"  debug the step that failed: magnus debug mine b\n"
        r"  resume where it stopped: magnus retry mine\n"
        r"  read its output: magnus logs mine b\n",
        done.err,
    ), done.err
    again = folder.magnus("retry", "mine", "-q")
    assert (again.status, again.err.count("FAIL"), again.err.count("ValueError")) == (1, 1, 1)


@pytest.mark.parametrize("more", [[], ["-q"]])
def test_a_run_that_no_step_failed_in_says_why_it_failed(folder, more):
    steps = {"a": {"type": "stub", "next": "broken"}, "broken": {"type": "fail"}}
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "a", "steps": steps}}))
    done = folder.magnus("execute", "p.yaml", "--run-id", "mine", *more)
    message = "the pipeline reached its fail step 'broken'"
    assert (done.status, done.log["message"]) == (1, message)
    assert f": {message}\n" in done.err
    for step in ("a", "broken"):
        folder.magnus("execute_single_node", "other", step, "-f", "p.yaml")
    assert folder.magnus("show", "other", "--json").log["message"] == message


def test_quiet_hides_no_mistake_of_the_user(folder):
    assert "error: the pipeline 'none.yaml' does not exist" in folder.magnus("execute", "none.yaml", "-q").err


def test_a_job_can_be_quiet_too(folder):
    pipeline(folder)
    assert folder.magnus("execute_function", "work.step", "-q").err == ""


def test_a_dry_run_is_shown_even_if_the_run_would_be_quiet(folder):
    pipeline(folder, fails=True)
    folder.magnus("execute", "p.yaml", "--run-id", "mine")
    assert "resumes mine" in folder.magnus("retry", "mine", "--dry-run", "-q").err


@pytest.mark.parametrize(("wanted", "shown"), [("all", ["said", "last words"]), ("tail", ["last words"]), ("none", [])])
def test_output_is_shown_as_wanted(folder, wanted, shown):
    pipeline(folder, fails=True)
    said = folder.magnus("execute", "p.yaml", "--show-output", wanted).err
    assert [words for words in ("said", "last words") if words in said] == shown


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_colours_in_a_pipe_are_for_who_asks(folder, environment, coloured):
    pipeline(folder)
    assert ("\x1b[32m" in folder.magnus("execute", "p.yaml", env=environment).err) is coloured
