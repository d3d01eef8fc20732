"""The contract suites of experiment trackers: a tracker proves itself by subclassing one of two contracts.

`ExperimentTrackerContract` when it keeps nothing; else `KeepingExperimentTrackerContract`, which says how to look at
what is kept.
::

    class TestMyTracker(KeepingExperimentTrackerContract):
        def open_tracker(self):
            return MyTracker(MyOptions(), Path.cwd())

        def kept(self, run_id, path):
            return Kept(status=..., parameters=..., metrics=...)
"""

import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from math import inf, isnan, nan
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from msgspec import Struct

from magnus.errors import TrackerUnreachable
from magnus.graph.path import StepPath
from magnus.interfaces.experiment_tracker import ExperimentTracker, TrackedRun, TrackedStep
from magnus.run_log.parameters import CountedMetric
from magnus.run_log.records import Status
from magnus.testing.records import ODD_NAMES
from magnus.values import Json

__all__ = [
    "ExperimentTrackerContract",
    "KeepingExperimentTrackerContract",
    "Kept",
    "UnreachableContract",
    "a_run",
    "a_step",
]

START: Final = datetime(2026, 1, 18, 11, 46, 8, tzinfo=UTC)
FIT: Final = StepPath(("fit",))
IN_BRANCH: Final = StepPath(("each", "3", "fit"))


class Kept(Struct, frozen=True):
    """The data a tracker stores about a run, as seen from one of its steps.

    `status` is the status of the run, None until it has finished. Parameters are texts: a string itself, another value as
    JSON. Metrics are points (step, value) in any order, with step 0 by default. Names may start with the path of the step
    and `/`.
    """

    status: Status | None
    parameters: Mapping[str, str]
    metrics: Mapping[str, list[tuple[int, float]]]


def a_run(run_id: str = "") -> TrackedRun:
    """A run with a new id."""
    return TrackedRun(run_id or f"a-run-{uuid4().hex}", "nightly", "training", "/somewhere/a-run")


def a_step(path: StepPath = FIT, *, status: Status = Status.SUCCESS, **more: Json) -> TrackedStep:
    """A step that took two seconds."""
    return TrackedStep(path, status, START, START + timedelta(seconds=2), **more)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Nothing is raised inside, and the process is the same afterwards."""
    before = dict(os.environ), Path.cwd(), list(logging.root.handlers)
    yield
    assert (dict(os.environ), Path.cwd(), list(logging.root.handlers)) == before


class ExperimentTrackerContract(ABC):
    """Subclass it with a name that begins with `Test`, and say in `open_tracker` how to get a tracker."""

    @abstractmethod
    def open_tracker(self) -> ExperimentTracker:
        """A tracker, as one more process of a run would make it."""

    @pytest.fixture
    def tracker(self) -> ExperimentTracker:
        """A tracker."""
        return self.open_tracker()

    def test_a_run_can_be_told_in_any_order_and_again(self, tracker: ExperimentTracker) -> None:
        run, step = a_run(), a_step(parameters={"x": 1}, metrics={"loss": 0.5})
        for _ in range(2):
            with undisturbed():
                tracker.end_step(run, step)
                tracker.begin_run(run, {"x": 0})
                tracker.end_run(run, Status.FAIL, "no such luck")

    @pytest.mark.parametrize("value", [None, True, "text", "", [1, "a"], {"a": {"b": 1}}, {}, 10**400, nan, -inf])
    def test_every_value_can_be_told(self, tracker: ExperimentTracker, value: Json) -> None:
        with undisturbed():
            tracker.end_step(a_run(), a_step(parameters={"x": value}, metrics={"x": value}))

    def test_odd_names_and_long_values_can_be_told(self, tracker: ExperimentTracker) -> None:
        run = TrackedRun(f'it\'s "{uuid4().hex}"', "a 'tag'", "ä/b", "")
        names = {name: number for number, name in enumerate([*ODD_NAMES, "../up", "a//b", "n" * 1000])}
        many = {f"m{number}": number for number in range(1500)}
        with undisturbed():
            tracker.begin_run(run, {**names, "long": "x" * 100_000})
            for name in ODD_NAMES:
                tracker.end_step(run, a_step(StepPath((name,)), parameters=names, metrics=names))
            tracker.end_step(run, a_step(parameters=many, metrics=many))

    def test_the_context_leaves_the_process_as_it_was(self, tracker: ExperimentTracker) -> None:
        run = a_run()
        tracker.begin_run(run, {})
        with undisturbed(), pytest.raises(ZeroDivisionError), tracker.context(run, FIT):
            raise ZeroDivisionError
        with undisturbed(), tracker.context(run, FIT), tracker.context(run, FIT):
            pass


class KeepingExperimentTrackerContract(ExperimentTrackerContract):
    """For trackers that store runs."""

    @abstractmethod
    def kept(self, run_id: str, path: StepPath) -> Kept:
        """The data of the run that the tracker stores now, seen from the step."""

    def test_metrics_are_kept_with_their_steps(self, tracker: ExperimentTracker) -> None:
        run = a_run()
        tracker.end_step(
            run,
            a_step(metrics={"accuracy": 0.75, "loss": CountedMetric({0: 1, 7: 0.5}), "odd": CountedMetric({3: nan})}),
        )
        metrics = self.kept(run.run_id, FIT).metrics
        assert sorted(metrics["accuracy"]) == [(0, 0.75)]
        assert sorted(metrics["loss"]) == [(0, 1.0), (7, 0.5)]
        [(step, value)] = metrics["odd"]
        assert (step, isnan(value)) == (3, True)

    def test_what_is_told_twice_counts_once(self, tracker: ExperimentTracker) -> None:
        run, step = a_run(), a_step(parameters={"x": 1}, metrics={"loss": CountedMetric({0: 1, 7: 0.5})})
        for teller in (tracker, tracker, self.open_tracker()):
            teller.begin_run(run, {"x": 1})
            teller.end_step(run, step)
        stored = self.kept(run.run_id, FIT)
        assert {name: sorted(points) for name, points in stored.metrics.items()} == {"loss": [(0, 1.0), (7, 0.5)]}
        assert stored.parameters == {"x": "1"}

    def test_parameters_are_kept_those_of_the_run_and_those_of_steps(self, tracker: ExperimentTracker) -> None:
        run = a_run()
        tracker.begin_run(run, {"rate": 0.1, "name": "first"})
        tracker.end_step(run, a_step(parameters={"model": {"slope": 2}}))
        parameters = self.kept(run.run_id, FIT).parameters
        whole, flat = {"model": '{"slope": 2}'}, {"model.slope": "2"}  # a tracker may do either
        assert parameters.items() >= whole.items() or parameters.items() >= flat.items()
        assert self.kept(run.run_id, StepPath(())).parameters.items() >= {"rate": "0.1", "name": "first"}.items()

    def test_a_parameter_that_steps_set_anew_keeps_each_value(self, tracker: ExperimentTracker) -> None:
        run = a_run()
        tracker.begin_run(run, {"x": 1})
        tracker.end_step(run, a_step(parameters={"x": 2}))
        own = {name: text for name, text in self.kept(run.run_id, FIT).parameters.items() if name.endswith("x")}
        of_run = self.kept(run.run_id, StepPath(())).parameters
        assert of_run["x"] == "1"
        assert "2" in own.values()

    def test_branches_do_not_mix(self, tracker: ExperimentTracker) -> None:
        run, paths = a_run(), [StepPath(("each", str(number), "fit")) for number in range(3)]
        for number, path in enumerate(paths):
            tracker.end_step(run, a_step(path, parameters={"x": number}, metrics={"loss": number}))
        for number, path in enumerate(paths):
            stored = self.kept(run.run_id, path)
            assert [(0, float(number))] in stored.metrics.values()
            assert str(number) in stored.parameters.values()
            assert all(len(points) == 1 for points in stored.metrics.values())

    def test_processes_that_tell_at_the_same_time_tell_of_one_run(self) -> None:
        run, paths = a_run(), [StepPath((f"step {number}",)) for number in range(4)]
        self.open_tracker().begin_run(run, {})

        def tell(path: StepPath) -> None:
            self.open_tracker().end_step(run, a_step(path, metrics={f"of {path.name}": 1.5}))

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(tell, paths))
        for path in paths:
            assert self.kept(run.run_id, path).metrics[f"of {path.name}"] == [(0, 1.5)]

    @pytest.mark.parametrize("status", [Status.SUCCESS, Status.FAIL])
    def test_the_run_ends_as_it_is_told(self, tracker: ExperimentTracker, status: Status) -> None:
        run = a_run()
        tracker.begin_run(run, {})
        assert self.kept(run.run_id, FIT).status is None
        with tracker.context(run, FIT):
            pass
        assert self.kept(run.run_id, FIT).status is None, "the context does not end the run"
        tracker.end_run(run, status, "" if status is Status.SUCCESS else "no such luck")
        assert self.kept(run.run_id, FIT).status is status


class UnreachableContract(ABC):
    """For trackers that talk to a server: they behave well if the server is unreachable."""

    @abstractmethod
    def open_unreachable(self) -> ExperimentTracker:
        """A tracker whose server does not answer."""

    @pytest.mark.parametrize("call", ["begin_run", "end_step", "end_run", "context"])
    def test_every_call_says_so_soon(self, call: str) -> None:
        tracker, run = self.open_unreachable(), a_run()
        calls: dict[str, Any] = {
            "begin_run": lambda: tracker.begin_run(run, {}),
            "end_step": lambda: tracker.end_step(run, a_step(metrics={"loss": 1})),
            "end_run": lambda: tracker.end_run(run, Status.SUCCESS, ""),
            "context": lambda: tracker.context(run, FIT).__enter__(),
        }
        before = datetime.now(UTC)
        with undisturbed(), pytest.raises(TrackerUnreachable):
            calls[call]()
        assert datetime.now(UTC) - before < timedelta(seconds=20)
