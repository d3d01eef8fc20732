"""An experiment tracker that keeps all calls in memory: a peer of the real ones, for tests."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct, field

from magnus.errors import TrackerUnreachable
from magnus.graph.path import StepPath
from magnus.interfaces.experiment_tracker import TrackedRun, TrackedStep
from magnus.run_log.records import Status
from magnus.values import Json

__all__ = ["InMemoryTracker", "RememberedRun"]


class InMemoryOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """It has none."""


class RememberedRun(Struct):
    """A run as the tracker received it.

    Attributes:
        steps: the finished steps, by path.
        inside: the steps whose code runs in the context of the tracker now.
    """

    run: TrackedRun
    parameters: Mapping[str, Json] = field(default_factory=dict)
    steps: dict[StepPath, TrackedStep] = field(default_factory=dict)
    status: Status = Status.PROCESSING
    message: str = ""
    inside: list[StepPath] = field(default_factory=list)


class InMemoryTracker:
    """Remembers runs by id.

    `fails` is raised by every call while it is set, in the place of remembering; `calls` counts them all.
    """

    options = InMemoryOptions

    def __init__(self, _options: InMemoryOptions | None = None, _working_directory: Path | None = None) -> None:
        self.runs: dict[str, RememberedRun] = {}
        self.fails: Exception | None = None
        self.calls = 0

    def disconnect(self) -> None:
        """Be out of reach from now on, until `fails` is None again."""
        self.fails = TrackerUnreachable("nobody answers")

    def begin_run(self, run: TrackedRun, parameters: Mapping[str, Json]) -> None:
        """Remember the parameters."""
        self._of(run).parameters = parameters

    def end_step(self, run: TrackedRun, step: TrackedStep) -> None:
        """Remember the step."""
        self._of(run).steps[step.path] = step

    def end_run(self, run: TrackedRun, status: Status, message: str) -> None:
        """Remember the final status of the run."""
        remembered = self._of(run)
        remembered.status, remembered.message = status, message

    @contextmanager
    def context(self, run: TrackedRun, path: StepPath) -> Iterator[RememberedRun]:
        """Remember the step as long as its code is inside; gives what is known of the run."""
        remembered = self._of(run)
        remembered.inside.append(path)
        try:
            yield remembered
        finally:
            remembered.inside.remove(path)

    def _of(self, run: TrackedRun) -> RememberedRun:
        self.calls += 1
        if self.fails is not None:
            raise self.fails
        return self.runs.setdefault(run.run_id, RememberedRun(run))
