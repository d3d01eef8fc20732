"""The commands to continue with after a failure, from records."""

import shlex
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from magnus.app.inspect.find import find_step
from magnus.executors.jobs import outcome
from magnus.executors.jobs.batch_system import Job, Phase
from magnus.graph.path import StepPath
from magnus.run_log.next_commands import failed_step, next_commands
from magnus.run_log.records import AttemptRecord, Branching, Owner, RunHealth, RunRecord, Status, StepRecord
from magnus.run_log_stores.buffered import BufferedOptions, BufferedRunLogStore

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
RUN = RunRecord("mine", Status.FAIL, "step 'a' failed", BEGAN, Owner("h", 1))
RESUME = ("resume where it stopped", "magnus retry mine")


def step(path, status=Status.FAIL, *, position=0, kind="task", branching=None, attempts=1, **attempt):
    tried = AttemptRecord(0, BEGAN, BEGAN, 1.0, status, **attempt)
    parts = path if isinstance(path, tuple) else tuple(path.split("/"))
    made = (tried,) * attempts if kind == "task" else ()
    return StepRecord(StepPath(parts), position, status, kind, attempts=made, branching=branching)


def commands(*steps, run=RUN, status=Status.FAIL):
    return next_commands(run, status, lambda branch: [one for one in steps if one.branch == branch])


def test_a_step_that_failed_is_debugged_the_run_resumed_and_the_output_read():
    assert commands(step("a", Status.SUCCESS), step("b", position=1), step("fail", position=2, kind="fail")) == [
        ("debug the step that failed", "magnus debug mine b"),
        RESUME,
        ("read its output", "magnus logs mine b"),
    ]


def test_the_configuration_of_the_run_is_named():
    run = replace(RUN, run_config={"configuration_file": "of team/c.yaml"})
    assert [text for _, text in commands(step("a"), run=run)] == [
        "magnus debug mine a -c 'of team/c.yaml'",
        "magnus retry mine -c 'of team/c.yaml'",
        "magnus logs mine a -c 'of team/c.yaml'",
    ]


@pytest.mark.parametrize(
    "name", ["fit it", "it's", "$(ls)", "a/b", "50%", "-x", "--", "-", "日本", "a\nb", "\x1b[2J", "*", "%2Dx", ""]
)
def test_any_name_of_a_step_comes_through_a_shell(name, tmp_path):
    failed = step((name,))
    [program, command, run_id, argument] = shlex.split(commands(failed)[0][1])
    assert (program, command, run_id, argument[:1] == "-") == ("magnus", "debug", "mine", False)
    store = BufferedRunLogStore(BufferedOptions(), tmp_path)
    store.create_run(RUN)
    store.put_step("mine", failed)
    assert find_step(store, "mine", argument).record == failed


def test_a_branch_has_its_element_as_name_and_the_first_that_failed_counts():
    values = Branching(count=3, values=("rome", "oslo", "bonn"))
    steps = [
        step("handled"),
        step("m", position=1, kind="map", branching=values),
        step("m/0/x"), step("m/0/success", Status.SUCCESS, position=1, kind="success"),
        step("m/1/x"), step("m/1/fail", position=1, kind="fail"),
        step("m/2/x"), step("m/2/fail", position=1, kind="fail"),
        step("fail", position=2, kind="fail"),
    ]  # fmt: skip
    assert commands(*steps)[0][1] == "magnus debug mine m/oslo/x"
    found = failed_step(lambda branch: [one for one in steps if one.branch == branch], over=True)
    assert found.names == ("m", "oslo", "x")


@pytest.mark.parametrize(
    "step_without_debugging",
    [
        step("a", lost=True),
        step("a", message="interrupted"),
        step("a", message="the job 17 of Slurm on n1 was stopped: NODE_FAIL", job="17", machine="n1"),
    ],
)
def test_a_step_that_did_not_fail_by_itself_is_not_debugged(step_without_debugging):
    assert commands(step_without_debugging) == [RESUME, ("read its output", "magnus logs mine a")]


JOB = SimpleNamespace(id="17", start=None)
OUTPUT = SimpleNamespace(shown_bytes=0, seconds=0.0)
ENDED = Job("17", "k", 0, Phase.EXITED, state="NODE_FAIL", place="n1")


@pytest.mark.parametrize(
    "error",
    [
        outcome.failed_to_run(JOB, 7, "", "Slurm"),
        outcome.died_by_signal(JOB, 137, OUTPUT, "Slurm"),
        outcome.killed(JOB, ENDED, OUTPUT, "Slurm"),
        outcome.without_mark(JOB, ENDED, OUTPUT, "Slurm"),
        outcome.gone(JOB, OUTPUT, "Slurm"),
    ],
)
def test_a_step_whose_job_went_away_is_not_debugged_whatever_is_said_of_the_job(error):
    failed = step("a", message=str(error), job="17", machine="n1")
    assert commands(failed) == [RESUME, ("read its output", "magnus logs mine a")]


def test_a_step_in_a_job_that_failed_by_itself_is_debugged():
    assert len(commands(step("a", message="ValueError: no", job="17", machine="n1"))) == 3


def test_a_run_whose_process_is_gone_is_resumed_and_its_output_read():
    run = replace(RUN, status=Status.PROCESSING, message="")
    lost = commands(step("a", Status.PROCESSING, attempts=0), run=run, status=RunHealth.LOST)
    assert lost == [RESUME, ("read its output", "magnus logs mine a")]


@pytest.mark.parametrize(
    ("run", "steps"),
    [
        (replace(RUN, message="interrupted"), [step("a", message="interrupted")]),
        (RUN, [step("a", Status.SUCCESS), step("fail", position=1, kind="fail")]),
        (RUN, [step("m", kind="map")]),
        (RUN, [step("a", attempts=0)]),
        (RUN, []),
    ],
)
def test_without_a_task_that_failed_the_run_is_resumed_alone(run, steps):
    assert commands(*steps, run=run) == [RESUME]


def test_a_run_with_functions_of_its_program_is_resumed_there():
    run = replace(RUN, run_config={"local_functions": ["fit"]})
    in_program = ("resume where it stopped", "execute(use_cached='mine') in the program")
    assert commands(step("a"), run=run) == [in_program, ("read its output", "magnus logs mine a")]


@pytest.mark.parametrize("status", [Status.SUCCESS, Status.PROCESSING, RunHealth.DAMAGED])
def test_a_run_that_has_not_failed_has_no_commands(status):
    assert commands(step("a"), status=status) == []
