"""The reporter of a live tree: what it writes, when, and what it leaves behind. The clock is the tests'."""

import signal
import threading

import pytest
from safety_net import LONGEST_SECONDS

from magnus.app.progress.live.reporter import LiveReporter
from magnus.app.progress.live.screen import Look, Screen
from magnus.graph.path import StepPath
from magnus.interfaces.reporter import (
    AttemptFailed,
    Planned,
    RunEnded,
    RunStarted,
    StepEnded,
    StepOutput,
    StepStarted,
    Warned,
)
from magnus.run_log.records import Status

A = StepPath(("a",))
STARTED = [RunStarted("mine", ""), StepStarted(A, "task")]
ENDED = [StepEnded(A, "task", Status.SUCCESS, "", 0.5), RunEnded("mine", Status.SUCCESS, "", 1.0)]
FINAL = "✓ mine\n  ✓ a  500 ms\nrun mine: SUCCESS in 1.0 s\n"


class Written:
    def __init__(self):
        self.pieces = []
        self.by = []
        self.painted = threading.Event()

    def __call__(self, data):
        self.pieces.append(data.decode())
        self.by.append(threading.current_thread())
        if "⠋" in self.pieces[-1]:
            self.painted.set()

    @property
    def text(self):
        return "".join(self.pieces)


@pytest.fixture
def written():
    return Written()


def live(written, **more):
    return LiveReporter(Screen(written, lambda: 80), lambda: Look(80, 20), clock=lambda: 100.0, **more)


def report(reporter, *events):
    for event in events:
        reporter.report(event)


def test_a_short_run_is_its_final_tree_alone(written):
    with live(written) as reporter:
        report(reporter, *STARTED, *ENDED)
        assert written.text == FINAL
    assert written.text == FINAL


def test_a_longer_run_is_painted_meanwhile(written):
    with live(written) as reporter:
        report(reporter, *STARTED)
        assert written.painted.wait(timeout=LONGEST_SECONDS)
        report(reporter, *ENDED)
    assert "⠋ mine  0.0 s  1 running" in written.text
    assert written.text.endswith("\r\x1b[2A\x1b[3M" + FINAL)


def test_no_thread_is_left(written):
    before = set(threading.enumerate())
    with live(written) as reporter:
        report(reporter, *STARTED)
        assert {thread.name for thread in set(threading.enumerate()) - before} == {"magnus progress"}
        report(reporter, *ENDED)
        assert set(threading.enumerate()) == before


def test_what_is_said_before_the_run_is_said_at_once(written):
    with live(written) as reporter:
        reporter.report(Planned("resumes other"))
        assert written.text == "resumes other\n"
        reporter.report(Warned("p.yaml:1:1: warning: odd\n  fix: mend it"))
        assert written.text == "resumes other\np.yaml:1:1: warning: odd\n  fix: mend it\n"


def test_all_output_stays_above_in_whole_lines(written):
    output = [StepOutput(A, piece) for piece in (b"one\ntw", b"o\n 10%\r 50%", b"\r100%")]
    with live(written) as reporter:
        report(reporter, *STARTED, *output, *ENDED)
    assert written.text == "one\ntwo\n100%\n" + FINAL


def test_output_of_steps_that_run_at_a_time_has_their_names(written):
    with live(written) as reporter:
        report(reporter, RunStarted("mine", "", concurrent=True), STARTED[1], StepOutput(A, b"x\ny"), *ENDED)
    assert written.text == "  a | x\n  a | y\n" + FINAL


@pytest.mark.parametrize(("output", "shown"), [("tail", "  a | one\n  a | two\n"), ("none", "")])
def test_less_output(written, output, shown):
    failed = [StepEnded(A, "task", Status.FAIL, "broken", 0.5), RunEnded("mine", Status.FAIL, "", 1.0)]
    with live(written, output=output) as reporter:
        report(reporter, *STARTED, StepOutput(A, b"one\ntwo\n"), *failed)
    assert written.text.startswith(shown + "✗ mine\n")


def test_with_less_output_that_of_a_step_that_succeeds_is_gone(written):
    with live(written, output="tail") as reporter:
        report(reporter, *STARTED, StepOutput(A, b"one\ntwo\n"), *ENDED)
    assert written.text == FINAL


@pytest.mark.parametrize(("output", "is_shown"), [("all", True), ("none", False)])
def test_with_no_output_none_stands_beside_the_step(written, output, is_shown):
    with live(written, output=output) as reporter:
        report(reporter, *STARTED, StepOutput(A, b"unfinished"))
        assert written.painted.wait(timeout=LONGEST_SECONDS)
        report(reporter, *ENDED)
    assert ("a  0.0 s  unfinished" in written.text) is is_shown


def test_warnings_and_failed_attempts_stay(written):
    with live(written) as reporter:
        report(reporter, *STARTED, Warned("odd", A), AttemptFailed(A, 0, "no\x1b[2J", 1.5), *ENDED)
    assert written.text == (
        "  a: warning: odd\n  a: attempt 1 failed, the next one starts in 1.5 s: no\\x1b[2J\n"
        + FINAL.replace("500 ms", "2 attempts  500 ms")
    )


def test_the_final_tree_can_wait_for_what_else_is_written(written):
    with live(written, waits_to_stay=True) as reporter:
        report(reporter, *STARTED)
        assert written.painted.wait(timeout=LONGEST_SECONDS)
        report(reporter, *ENDED)
        assert written.text.endswith("\r\x1b[2A\x1b[3M")
        reporter.report(Warned("late"))
        assert written.text.endswith("\r\x1b[2A\x1b[3Mwarning: late\n")
    assert written.text.endswith("warning: late\n" + FINAL)


def test_what_is_said_after_the_final_tree_is_below_it(written):
    with live(written) as reporter:
        report(reporter, *STARTED, *ENDED, Warned("late"))
    assert written.text == FINAL + "warning: late\n"


def test_a_run_that_nobody_ended_is_shown_as_stopped(written):
    with live(written) as reporter:
        report(reporter, *STARTED)
    assert written.text.endswith("■ mine\n  ■ a  interrupted\n")


def test_who_prints_more_than_is_shown_has_to_wait(written):
    with live(written) as reporter:
        report(reporter, *STARTED, StepOutput(A, b"x" * 100 + b"\n"), StepOutput(A, b"y\n" * (1 << 20)))
        assert threading.current_thread() in written.by
        report(reporter, *ENDED)


def test_a_terminal_that_is_gone_stops_nobody():
    def write(_data):
        raise OSError(5, "Input/output error")

    with LiveReporter(Screen(write, lambda: 80), lambda: Look(80, 20)) as reporter:
        report(reporter, Warned("x"), *STARTED, StepOutput(A, b"y\n"), *ENDED)


def test_a_fault_in_showing_stops_nobody(written):
    def look():
        raise RuntimeError("a fault")

    with LiveReporter(Screen(written, lambda: 80), look) as reporter:
        report(reporter, Warned("x"), *STARTED, StepOutput(A, b"y\n" * (1 << 20)), *ENDED)


def test_behind_another_process_no_tree_is_painted(written):
    with live(written, is_in_front=lambda: False) as reporter:
        report(reporter, *STARTED, StepOutput(A, b"x\n" * (1 << 20)), *ENDED)
    assert "⠋" not in written.text
    assert written.text.endswith("x\n" + FINAL)


def test_the_signal_of_going_on_is_the_users_again_afterwards(written):
    with live(written):
        assert signal.getsignal(signal.SIGCONT) is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGCONT) is signal.SIG_DFL


def test_a_handler_of_the_user_is_left_alone(written):
    def own(_number, _frame):
        pass

    signal.signal(signal.SIGCONT, own)
    try:
        with live(written):
            assert signal.getsignal(signal.SIGCONT) is own
    finally:
        signal.signal(signal.SIGCONT, signal.SIG_DFL)


def test_in_another_thread_no_signal_is_touched(written):
    def work():
        with live(written) as reporter:
            report(reporter, *STARTED, *ENDED)
            seen.append(signal.getsignal(signal.SIGCONT))

    seen = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert (seen, written.text) == ([signal.SIG_DFL], FINAL)
