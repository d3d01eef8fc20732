"""What the engine tells a tracker, and what it does when that fails."""

from collections import deque

import pytest
from msgspec.structs import replace

from magnus.app.run.create_run import SerializedReporter
from magnus.engine.context import now
from magnus.engine.interaction.current_step import CurrentStep, entered
from magnus.engine.interaction.tracking import Tracking, opened, run_as_recorded
from magnus.engine.secrets.masking import Masker
from magnus.errors import ExperimentTrackerError
from magnus.graph.path import StepPath
from magnus.interaction import get_experiment_tracker_context
from magnus.interfaces.experiment_tracker import TrackedRun
from magnus.run_log.parameters import CountedMetric, JsonParameter, ObjectParameter
from magnus.run_log.records import AttemptRecord, CodeIdentity, Status, StepRecord
from magnus.testing.in_memory_tracker import InMemoryTracker
from magnus.testing.records import MOMENT, run_record

RUN = TrackedRun("a-run", "nightly", "training", "/catalog/a-run")


class Reporter:
    def __init__(self):
        self.events = []

    def report(self, event):
        self.events.append(event)


class Told:
    """Tracking with a tracker, a clock that stands, and what was said."""

    def __init__(self):
        self.tracker, self.masker, self.reporter = InMemoryTracker(), Masker(), Reporter()
        self.seconds = 1000.0
        self.tracking = self.another()

    def another(self):
        """As another process of the run has it; what all say comes together."""
        return Tracking(
            self.tracker,
            {"type": "memory", "config": {}},
            masker=self.masker,
            reporter=self.reporter,
            now=now,
            monotonic=lambda: self.seconds,
        )

    @property
    def remembered(self):
        return self.tracker.runs["a-run"]

    @property
    def warnings(self):
        return [event.message for event in self.reporter.events]


@pytest.fixture
def told():
    return Told()


def record(name="fit", **more):
    attempt = AttemptRecord(0, MOMENT, MOMENT, 0.0, Status.SUCCESS)
    return StepRecord(StepPath((name,)), 0, Status.SUCCESS, "task", attempts=(attempt,), **more)


def test_a_run_is_told_from_its_beginning_to_its_end(told):
    told.tracking.begin_run(RUN, {"x": JsonParameter(1, "1"), "model": ObjectParameter("model.pickle", "ab")})
    told.tracking.end_step(RUN, record(parameters={"y": JsonParameter(2)}, metrics={"loss": CountedMetric({0: 1.5})}))
    told.tracking.end_run(RUN, Status.FAIL, "no luck")
    known = told.remembered
    assert (known.run, known.status, known.message) == (RUN, Status.FAIL, "no luck")
    assert known.parameters == {"x": 1}  # objects are files of the catalog
    [step] = known.steps.values()
    assert (step.status, step.start_time, step.parameters, step.metrics) == (
        Status.SUCCESS, MOMENT, {"y": 2}, {"loss": CountedMetric({0: 1.5})},
    )  # fmt: skip


def test_secrets_are_masked_wherever_they_are(told):
    told.masker.add("key", "s3cret")
    told.masker.add("pin", "4711")
    run = TrackedRun("a-run", "of s3cret", "s3cret", "/s3cret")
    told.tracking.begin_run(run, {"url": JsonParameter({"s3cret": ["s3cret", 1, None]}), "pin": JsonParameter(4711)})
    told.tracking.end_step(run, record(metrics={"text": "a s3cret", "loss": 0.5}))
    told.tracking.end_run(run, Status.FAIL, "no s3cret")
    known = told.remembered
    assert known.run == TrackedRun("a-run", "of *****", "*****", "/*****")
    assert known.parameters == {"url": {"*****": ["*****", 1, None]}, "pin": "*****"}
    assert known.steps[StepPath(("fit",))].metrics == {"text": "a *****", "loss": 0.5}
    assert known.message == "no *****"


def test_what_a_tracker_missed_is_told_when_it_is_there_again(told):
    told.tracker.disconnect()
    told.tracking.begin_run(RUN, {"x": JsonParameter(1)})
    told.tracking.end_step(RUN, record("a"))
    assert told.tracker.calls == 1, "it is left alone for a time"
    told.tracker.fails = None
    told.seconds += 31
    told.tracking.end_step(RUN, record("b"))
    assert told.remembered.parameters == {"x": 1}
    assert [path.name for path in told.remembered.steps] == ["a", "b"]


def test_the_time_it_is_left_alone_doubles(told):
    told.tracker.disconnect()
    calls = []
    for _ in range(200):
        told.tracking.end_step(RUN, record())
        calls.append(told.tracker.calls)
        told.seconds += 10
    assert [calls.index(number) * 10 for number in range(1, calls[-1] + 1)] == [0, 30, 90, 210, 450, 930, 1890]


def test_the_end_is_told_at_once_with_all_that_was_missed(told):
    told.tracker.disconnect()
    told.tracking.end_step(RUN, record())
    told.tracker.fails = None
    told.tracking.end_run(RUN, Status.SUCCESS, "")
    assert list(told.remembered.steps) == [StepPath(("fit",))]
    assert told.remembered.status is Status.SUCCESS


def test_a_process_that_ends_tries_once_more_what_it_has_not_tried(told):
    told.tracker.disconnect()
    told.tracking.end_step(RUN, record("a"))
    told.tracking.close()
    assert told.tracker.calls == 1
    told.tracking.end_step(RUN, record("b"))
    told.tracker.fails = None
    told.tracking.close()
    assert [path.name for path in told.remembered.steps] == ["b"]


@pytest.mark.parametrize("error", [ExperimentTrackerError("not such a name"), ValueError("of somebody else")])
def test_what_is_refused_is_dropped_and_the_rest_goes_on(told, error):
    told.tracker.fails = error
    told.tracking.end_step(RUN, record("a"))
    told.tracker.fails = None
    told.tracking.end_step(RUN, record("b"))
    assert [path.name for path in told.remembered.steps] == ["b"]
    [warning] = told.warnings
    assert "does not know all of this run" in warning


def test_the_warning_says_which_tracker_and_why_without_secrets_and_in_one_line(told):
    told.masker.add("key", "s3cret")
    told.tracker.fails = ValueError("a\n  s3cret " + "x" * 1000)
    told.tracking.end_step(RUN, record())
    first, second = told.warnings[0].splitlines()
    assert first.startswith(
        "warning: the experiment tracker 'memory' does not know all of this run: ValueError: a ***** xxx"
    )
    assert len(first) < 600
    assert (
        second
        == "  fix: the run continues, and the run log has every metric; send them to the tracker later: magnus track RUN"
    )


def test_it_is_said_once_a_run_however_many_processes_say_it():
    told, shown = Told(), Reporter()
    told.reporter = SerializedReporter(shown)
    told.tracker.fails = ValueError("no")
    for tracking in (told.another(), told.another()):
        tracking.end_step(RUN, record())
        tracking.end_step(RUN, record())
    assert len(shown.events) == 1


def test_the_code_of_a_step_gets_the_context_of_the_tracker(told):
    path = StepPath(("fit",))
    step = CurrentStep("a-run", "", path, {}, tracking=told.tracking.of_step(RUN, path))
    with entered(step), get_experiment_tracker_context() as given:
        assert given is told.remembered
        assert given.inside == [path]
    assert given.inside == []
    assert step.answer("get_experiment_tracker", {}) == {
        "type": "memory",
        "config": {},
        "run": {"run_id": "a-run", "tag": "nightly", "pipeline": "training", "artifacts": "/catalog/a-run"},
        "path": "fit",
    }


def test_a_context_that_cannot_be_had_is_a_warning(told):
    told.tracker.disconnect()
    path = StepPath(("fit",))
    step = CurrentStep("a-run", "", path, {}, tracking=told.tracking.of_step(RUN, path))
    with entered(step), get_experiment_tracker_context() as given:
        assert given is None
    assert "nobody answers" in told.warnings[0]


def test_what_user_code_raises_inside_a_context_comes_out_of_it(told):
    said = deque()
    with pytest.raises(KeyError), opened(told.tracker, RUN, StepPath(("fit",)), said.append):
        raise KeyError("mine")
    assert not said
    assert told.remembered.inside == []


def test_a_run_is_told_with_its_times_and_its_commit():
    git = CodeIdentity("0123abc", "git", code_identifier_dependable=True, code_identifier_url="https://host/repo.git")
    record = replace(run_record(), start_time=MOMENT, end_time=MOMENT, code_identities=(git,))
    run = run_as_recorded(RUN, record)
    assert (run.start_time, run.end_time, run.commit, run.repository) == (
        MOMENT, MOMENT, "0123abc", "https://host/repo.git",
    )  # fmt: skip
    assert run_as_recorded(RUN, replace(record, code_identities=())).commit == ""


def test_names_are_looked_up_for_a_tracker_that_wants_them(told):
    path = StepPath(("each", "0", "fit"))
    looked_at = []

    def names(run_id, path):
        looked_at.append((run_id, path))
        return ("each", "s3cret", "fit")

    told.masker.add("key", "s3cret")
    for wants, expected in ((False, ()), (True, ("each", "*****", "fit"))):
        told.tracker.names_steps = wants
        tracking = Tracking(
            told.tracker, {"type": "memory"}, masker=told.masker, reporter=told.reporter, now=now,
            monotonic=lambda: 0.0, names=names,
        )  # fmt: skip
        tracking.end_step(RUN, replace(record(), path=path))
        assert told.remembered.steps[path].names == expected
    assert looked_at == [("a-run", path)]


def test_a_client_that_loads_slowly_is_said_once_it_is_needed(told):
    told.tracker.to_be_loaded = "bigclient"
    told.tracking.begin_run(RUN, {})
    assert [event.line for event in told.reporter.events] == ["loading bigclient, to tell it of the run"]
    told.tracker.to_be_loaded = ""
    told.tracking.begin_run(RUN, {})
    assert len(told.reporter.events) == 1
