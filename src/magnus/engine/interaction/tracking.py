"""Sends a run to the experiment tracker: after the record is put, with secrets masked, and never at the cost of the run.

Errors of the tracker become one warning a run. While it cannot be reached no record is sent for a time, which doubles.
Records it missed are sent with later ones, and a last time at the end. The context of a run has it for steps,
the orchestrator and re-entry; processes that a task starts call `opened` alone.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Final

from msgspec import to_builtins
from msgspec.structs import replace

from magnus.engine.secrets.masking import MASK, Masker
from magnus.errors import MagnusError, Problem, TrackerUnreachable
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.experiment_tracker import (
    ExperimentTracker,
    KeepsNothing,
    LoadsSlowly,
    NamesSteps,
    TakesFiles,
    TrackedRun,
    TrackedStep,
)
from magnus.interfaces.pickler import Picklers
from magnus.interfaces.reporter import Planned, Reporter, Warned
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.parameters import CountedMetric, Metric, Metrics, Parameter, holds_objects, shown
from magnus.run_log.records import ENDED, RunRecord, Status, StepRecord
from magnus.run_log.step_walk import branches_of
from magnus.values import Json, UserObject


class StepNames:
    """Looks at the record of a step with branches once, and when a step in one of them is named."""

    def __init__(self, store: RunLogStore) -> None:
        self._store = store
        self._labels: dict[tuple[str, BranchPath], str] = {}

    def __call__(self, run_id: str, path: StepPath) -> tuple[str, ...]:
        """The names of the branches and steps around the step, and its own; as in its path where the run log fails."""
        names = list(path.parts)
        branch = path.branch
        while branch.parts:
            names[len(branch.parts) - 1] = self._label(run_id, branch)
            composite = branch.composite
            branch = BranchPath() if composite is None else composite.branch
        return tuple(names)

    def _label(self, run_id: str, branch: BranchPath) -> str:
        if (run_id, branch) not in self._labels and (composite := branch.composite) is not None:
            with suppress(MagnusError):  # it is about names alone
                record = self._store.get_step(run_id, composite)
                if record is not None:  # a loop has more iterations each time
                    self._labels.update({(run_id, found.path): found.label for found in branches_of(record)})
        return self._labels.get((run_id, branch), branch.parts[-1])


_FIRST_PAUSE_SECONDS: Final = 30.0
_ONCE: Final = "experiment_tracker"
_MOST_CHARACTERS: Final = 500


class Tracking:
    """What one process of a run tells the tracker. `settings` are type, options and working directory, for others."""

    def __init__(
        self,
        tracker: ExperimentTracker,
        settings: Mapping[str, Json],
        *,
        masker: Masker,
        reporter: Reporter,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        names: Callable[[str, StepPath], tuple[str, ...]] = lambda _run_id, path: path.parts,
        contents: tuple[Catalog, Picklers] | None = None,
    ) -> None:
        self._tracker = tracker
        self._settings = settings
        self._masker = masker
        self._reporter = reporter
        self._now = now
        self._monotonic = monotonic
        self._names = names if isinstance(tracker, NamesSteps) and tracker.names_steps else None
        self._contents = contents
        self._keeps_nothing = isinstance(tracker, KeepsNothing)
        self._untold: deque[Callable[[], None]] = deque()
        self._silent_until = 0.0
        self._pause = _FIRST_PAUSE_SECONDS
        self._tried_all = True

    def begin_run(self, run: TrackedRun, parameters: Mapping[str, Parameter]) -> None:
        """The run is in the run log."""
        self._say_loading()
        self._tell(partial(self._tracker.begin_run, self._masked(run), self._values(parameters)))

    def end_step(self, run: TrackedRun, record: StepRecord) -> None:
        """Send a finished step, whose record is in the run log."""
        if self._keeps_nothing:
            return
        step = self._step(run, record, self._now())
        self._tell(partial(self._tracker.end_step, self._masked(run), step))
        for message in self._files(self._masked(run), step, record):
            self._tell(message)

    def _files(self, run: TrackedRun, step: TrackedStep, record: StepRecord) -> Iterator[Callable[[], None]]:
        """Sends the files of the step that the tracker takes."""
        if self._contents is None or not record.catalog or not isinstance(self._tracker, TakesFiles):
            return
        from magnus.engine.interaction.tracked_files import tracked_files  # lazy: few trackers take files

        for file in tracked_files(*self._contents, run.run_id, record, self._masker):
            if self._tracker.takes(file):
                yield partial(self._tracker.log_file, run, step, file)

    def _step(self, run: TrackedRun, record: StepRecord, otherwise: datetime) -> TrackedStep:
        """The step as the tracker knows it; one that had no attempts, since it was reused, was at the time `otherwise`."""
        return TrackedStep(
            path=record.path,
            status=record.status,
            start_time=record.attempts[0].start_time if record.attempts else otherwise,
            end_time=record.attempts[-1].end_time if record.attempts else otherwise,
            names=() if self._names is None else tuple(map(self._masker.mask, self._names(run.run_id, record.path))),
            parameters=self._values(record.parameters),
            metrics=_masked_metrics(self._masker, record.metrics),
        )

    def end_run(self, run: TrackedRun, status: Status, message: str) -> None:
        """The end of the run is in the run log; nothing follows."""
        self._untold.append(partial(self._tracker.end_run, self._masked(run), status, self._masker.mask(message)))
        self._send()
        self._untold.clear()

    def close(self) -> None:
        """The process has no more to tell."""
        if self._untold and not self._tried_all:
            self._send()
        self._untold.clear()

    def tell_all(self, run: TrackedRun, record: RunRecord, steps: Iterable[StepRecord]) -> None:
        """Send a whole run from the run log; errors of the tracker are raised."""
        self._say_loading()
        whole = self._masked(run_as_recorded(run, record))
        self._tracker.begin_run(whole, self._values(record.parameters))
        for finished in steps:
            step = self._step(whole, finished, record.start_time)
            self._tracker.end_step(whole, step)
            for send in self._files(whole, step, finished):
                send()
        if record.status in ENDED:
            self._tracker.end_run(whole, record.status, self._masker.mask(record.message))

    def _say_loading(self) -> None:
        if isinstance(self._tracker, LoadsSlowly) and (client := self._tracker.to_be_loaded):
            self._reporter.report(Planned(f"loading {client}, to tell it of the run"))

    def of_step(self, run: TrackedRun, path: StepPath) -> "StepTracking":
        """The tracker as the code of a step reaches it."""
        return StepTracking(self._tracker, self._settings, lambda: self._masked(run), path, self.warn)

    def warn(self, reason: str) -> None:
        """Say what the tracker could not do."""
        reason = self._masker.mask(reason)
        message = f"the experiment tracker '{self._settings['type']}' does not know all of this run: {reason}"
        fix = "the run continues, and the run log has every metric; send them to the tracker later: magnus track RUN"
        self._reporter.report(Warned(str(Problem(message, fix, severity="warning")), once=_ONCE))

    def _tell(self, message: Callable[[], None]) -> None:
        self._untold.append(message)
        self._tried_all = False
        if self._monotonic() >= self._silent_until:
            self._send()

    def _send(self) -> None:
        """Tell everything that is untold; what the tracker refuses is dropped."""
        self._tried_all = True
        while self._untold:
            try:
                self._untold[0]()
            except TrackerUnreachable as error:
                self._silent_until = self._monotonic() + self._pause
                self._pause *= 2
                self.warn(reason_of(error))
                return
            except Exception as error:  # noqa: BLE001 - somebody else's code, which must not end a run
                self.warn(reason_of(error))
            else:
                self._pause = _FIRST_PAUSE_SECONDS
            self._untold.popleft()

    def _values(self, parameters: Mapping[str, Parameter]) -> Mapping[str, Json]:
        values: Mapping[str, Json] = _masked(self._masker, _without_objects(parameters))
        return values

    def _masked(self, run: TrackedRun) -> TrackedRun:
        mask = self._masker.mask
        return replace(run, tag=mask(run.tag), pipeline=mask(run.pipeline), artifacts=mask(run.artifacts))


def run_as_recorded(run: TrackedRun, record: RunRecord) -> TrackedRun:
    """The run with what its record says of it."""
    git = next((found for found in record.code_identities if found.code_identifier_type == "git"), None)
    return replace(
        run,
        start_time=record.start_time,
        end_time=record.end_time,
        commit="" if git is None else git.code_identifier,
        repository="" if git is None else git.code_identifier_url,
    )


def _without_objects(parameters: Mapping[str, Parameter]) -> Mapping[str, Json]:
    """The values; objects are files of the catalog, and no parameters that runs could be compared by."""
    return {name: shown(value) for name, value in parameters.items() if not holds_objects(value)}


class StepTracking:
    """The tracker, for the code of one step."""

    def __init__(
        self,
        tracker: ExperimentTracker,
        settings: Mapping[str, Json],
        run: Callable[[], TrackedRun],
        path: StepPath,
        warn: Callable[[str], None],
    ) -> None:
        self._tracker = tracker
        self._settings = settings
        self._run = run
        self._path = path
        self.warn = warn

    def context(self) -> AbstractContextManager[UserObject]:
        """The tracker's context of the step, in this process."""
        return opened(self._tracker, self._run(), self._path, self.warn)

    def described(self) -> Json:
        """What another process needs for a context of its own."""
        return {**self._settings, "run": to_builtins(self._run()), "path": str(self._path)}


@contextmanager
def opened(
    tracker: ExperimentTracker, run: TrackedRun, path: StepPath, warn: Callable[[str], None]
) -> Iterator[UserObject]:
    """The tracker's context of a step. Its own errors are passed to `warn`, errors from inside are raised."""
    stack, tracker_context = ExitStack(), None
    try:
        tracker_context = stack.enter_context(tracker.context(run, path))
    except Exception as error:  # noqa: BLE001 - somebody else's code, which must not end a step
        warn(reason_of(error))
    try:
        yield tracker_context
    finally:
        try:
            stack.close()
        except Exception as error:  # noqa: BLE001 - as above
            warn(reason_of(error))


def reason_of(error: Exception) -> str:
    """What the error says, in one line that is not too long."""
    text = error.problems[0].message if isinstance(error, MagnusError) else f"{type(error).__name__}: {error}"
    line = " ".join(text.split())
    return line if len(line) <= _MOST_CHARACTERS else f"{line[: _MOST_CHARACTERS - 1]}…"


def _masked_metrics(masker: Masker, metrics: Metrics) -> dict[str, Metric]:
    return {
        masker.mask(name): CountedMetric({step: _masked(masker, value) for step, value in metric.by_step.items()})
        if isinstance(metric, CountedMetric)
        else _masked(masker, metric)
        for name, metric in metrics.items()
    }


def _masked(masker: Masker, value: Json) -> Json:
    """The value with every known secret in it replaced."""
    if not masker.contains(value):
        return value
    match value:
        case dict():
            return {masker.mask(name): _masked(masker, part) for name, part in value.items()}
        case list() | tuple():
            return [_masked(masker, part) for part in value]
        case str():
            return masker.mask(value)
        case _:
            return MASK
