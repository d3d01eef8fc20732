"""Progress where no terminal is: lines with their time, what quiet leaves, and when there are colours."""

import os
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from magnus.app.progress.choose_reporter import DisplayOptions, has_colour, open_reporter
from magnus.app.progress.line_reporter import FailureReporter, LineReporter
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.reporter import (
    AttemptFailed,
    BranchEnded,
    BranchesStarted,
    RunEnded,
    RunStarted,
    StepEnded,
    StepOutput,
    StepReused,
    StepStarted,
    StepWaiting,
    Warned,
)
from magnus.run_log.records import Branching, Status

A = StepPath(("a",))
NOW = datetime(2026, 11, 21, 10, 56, 5, 123456, UTC)
FAILED = StepEnded(A, "task", Status.FAIL, "ValueError: no\nmore", 0.5)


def said(*events, quiet=False, **more):
    written = []
    lines = LineReporter(written.append, lambda: NOW, **more)
    reporter = FailureReporter(lines) if quiet else lines
    for event in events:
        reporter.report(event)
    return b"".join(written).decode()


def test_lines_of_a_run_begin_with_the_time_in_utc():
    events = [StepStarted(A, "task"), StepEnded(A, "task", Status.SUCCESS, "", 0.5), StepReused(A, "task"), FAILED]
    assert said(Warned("before"), RunStarted("mine", "name"), *events) == (
        "warning: before\n"
        "2026-11-21T10:56:05Z run mine started (name)\n"
        "2026-11-21T10:56:05Z   a: started\n"
        "2026-11-21T10:56:05Z   a: SUCCESS in 500 ms\n"
        "2026-11-21T10:56:05Z   a: reused\n"
        "2026-11-21T10:56:05Z   a: FAIL in 500 ms: ValueError: no\nmore\n"
    )


def test_a_step_in_a_process_of_its_own_has_times_too():
    assert said(StepStarted(A, "task")) == "2026-11-21T10:56:05Z   a: started\n"


def test_output_is_as_it_was_printed():
    events = [
        StepOutput(A, b"\x1b[31mraw\r\n\xff part"),
        Warned("next"),
        BranchEnded(BranchPath(("a", "0")), succeeded=True),
    ]
    written = []
    lines = LineReporter(written.append, lambda: NOW)
    for event in events:
        lines.report(event)
    assert b"".join(written) == b"\x1b[31mraw\r\n\xff part\nwarning: next\n"


def test_names_and_messages_cannot_do_harm():
    path = StepPath(("a\x1b[2J\nb",))
    assert said(StepReused(path, "task")) == "  a%1B[2J%0Ab: reused\n"
    assert said(Warned("a\x1b[2J\n\tb", path)) == "  a%1B[2J%0Ab: warning: a\\x1b[2J\n        b\n"
    concurrent = said(RunStarted("mine", "", concurrent=True), StepOutput(path, b"x\n"))
    assert concurrent.splitlines()[1] == "  a%1B[2J%0Ab | x"


def test_branches_of_maps_are_called_by_their_elements():
    events = [
        BranchesStarted(A, Branching(count=2, values=("rome", "oslo"))), StepStarted(StepPath(("a", "1", "b/c")), "task"),
        BranchesStarted(StepPath(("a", "1", "m")), Branching(count=2, values=([], {}))),
        StepReused(StepPath(("a", "1", "m", "1", "x")), "task"),
    ]  # fmt: skip
    assert [line[21:] for line in said(*events).splitlines()] == ["  a/oslo/b%2Fc: started", "  a/oslo/m/1/x: reused"]
    failed = StepEnded(StepPath(("a", "0", "b")), "task", Status.FAIL, "no", 0.5)
    ended = [replace(FAILED, message="odd"), RunEnded("mine", Status.FAIL, "", 1.0)]
    assert said(events[0], failed, *ended, quiet=True).startswith("  a/rome/b: FAIL in 500 ms: no\n")


@pytest.mark.parametrize(("wait", "text"), [(0.0, ""), (2.0, " in 2.0 s"), (90.0, " in 1 m 30 s")])
def test_attempts_count_from_one(wait, text):
    assert said(AttemptFailed(A, 0, "no", wait)) == f"  a: attempt 1 failed, the next one starts{text}: no\n"


def test_of_less_output_the_end_is_shown_when_a_step_fails():
    output = StepOutput(A, b"".join(b"line %d\n" % number for number in range(100)))
    assert said(output, FAILED, output="tail").startswith("  a | line 80\n  a | line 81\n")
    assert said(output, FAILED, output="none") == "  a: FAIL in 500 ms: ValueError: no\nmore\n"
    assert said(output, StepEnded(A, "task", Status.SUCCESS, "", 0.5), output="tail") == "  a: SUCCESS in 500 ms\n"


def test_quiet_says_why_a_run_failed():
    other = StepEnded(StepPath(("b",)), "task", Status.FAIL, "OSError: gone", 0.5)
    ended = RunEnded(
        "mine",
        Status.FAIL,
        "step 'a' failed: ValueError: no\nmore",
        1.0,
        (("resume where it stopped", "magnus retry mine"),),
    )
    assert said(RunStarted("mine", ""), Warned("odd"), StepOutput(A, b"x\n"), other, FAILED, ended, quiet=True) == (
        "  b: FAIL in 500 ms: OSError: gone\n"
        "run mine: FAIL in 1.0 s: step 'a' failed: ValueError: no\nmore\n"
        "  resume where it stopped: magnus retry mine\n"
    )


def test_quiet_says_nothing_of_a_run_that_succeeded_even_if_a_step_did_not():
    assert said(RunStarted("mine", ""), FAILED, RunEnded("mine", Status.SUCCESS, "", 1.0), quiet=True) == ""


def test_colours_are_around_the_first_line_alone():
    assert said(FAILED, colour=True) == "\x1b[1;31m  a: FAIL in 500 ms: ValueError: no\x1b[0m\nmore\n"


@pytest.mark.parametrize(
    ("environment", "can_move", "coloured"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
    ],
)
def test_colours_are_where_they_are_wanted(environment, can_move, coloured):
    assert has_colour(environment, can_move=can_move) is coloured


@pytest.fixture
def terminal():
    main, descriptor = os.openpty()
    yield descriptor
    os.close(main)
    os.close(descriptor)


def shown_on(descriptor, environment, **options):
    with open_reporter(
        lambda _data: None, descriptor, environment, DisplayOptions(**options), encoding="utf-8"
    ) as reporter:
        return type(reporter).__name__


@pytest.mark.parametrize(
    ("environment", "options", "reporter"),
    [
        ({"TERM": "xterm"}, {}, "LiveReporter"),
        ({"TERM": "xterm", "CI": "false"}, {}, "LiveReporter"),
        ({"TERM": "xterm", "CI": "true"}, {}, "LineReporter"),
        ({"TERM": "dumb"}, {}, "LineReporter"),
        ({}, {}, "LineReporter"),
        ({"TERM": "xterm"}, {"is_live": False}, "LineReporter"),
        ({"TERM": "xterm"}, {"quiet": True}, "FailureReporter"),
    ],
)
def test_a_tree_is_for_terminals_that_can_show_one(terminal, environment, options, reporter):
    assert shown_on(terminal, environment, **options) == reporter


def test_elsewhere_there_are_lines(tmp_path):
    with (tmp_path / "file").open("w") as file:
        assert shown_on(file.fileno(), {"TERM": "xterm"}) == "LineReporter"
    assert shown_on(-1, {"TERM": "xterm"}) == "LineReporter"


def test_a_warning_is_marked_once():
    assert said(Warned("pipeline.yaml:3: warning: odd")) == "pipeline.yaml:3: warning: odd\n"


def test_steps_that_wait_say_why_once():
    branches = [StepPath(("each", str(number), "fit")) for number in range(3)]
    events = [StepWaiting(path, f"17_{number}", reason) for reason in ("", "Priority", "Resources")
              for number, path in enumerate(branches)]  # fmt: skip
    assert said(*events, StepWaiting(branches[0], "17_0", "Priority")) == (
        "  each/0/fit: waits (Priority), job 17_0\n  each/0/fit: waits (Resources), job 17_0\n"
    )


def test_a_reason_of_a_batch_system_cannot_do_harm():
    assert said(StepWaiting(A, "17", "\x1b[2Jgone\n")) == "  a: waits (\\x1b[2Jgone\\n), job 17\n"
