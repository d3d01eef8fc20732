"""Who is told what runs are made with and what they measure."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct, field

from magnus.graph.path import StepPath
from magnus.run_log.metrics import Metric
from magnus.run_log.records import Status
from magnus.values import Json, UserObject

__all__ = ["ExperimentTracker", "KeepsNothing", "LoadsSlowly", "NamesSteps", "TrackedRun", "TrackedStep"]


class TrackedRun(Struct, frozen=True, omit_defaults=True):
    """A run, as every process of it knows it.

    `pipeline` is the name of the pipeline, `artifacts` the place where the catalog keeps files; "" where there is none.
    The times are known to the process that creates the run, and the end after it; `commit` and `repository` are those of
    git, "" where there is none, or where only the process that creates the run knows them.
    """

    run_id: str
    tag: str = ""
    pipeline: str = ""
    artifacts: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    commit: str = ""
    repository: str = ""


class TrackedStep(Struct, frozen=True):
    """A step that has ended.

    Attributes:
        path: where it is in the run.
        status: SUCCESS or FAIL.
        start_time, end_time: of its first and last attempt, in UTC.
        parameters: what it set, but for objects; nothing when it failed.
        metrics: what it tracked, failed or not: values by name, and a `CountedMetric` where steps were given.
        names: what people call it and the branches that it is in; () for a tracker that does not ask for them.
    """

    path: StepPath
    status: Status
    start_time: datetime
    end_time: datetime
    parameters: Mapping[str, Json] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    names: tuple[str, ...] = ()


@runtime_checkable
class NamesSteps(Protocol):
    """A tracker that names steps as people do, and so wants `TrackedStep.names`, which cost a look at the run log."""

    names_steps: bool


@runtime_checkable
class KeepsNothing(Protocol):
    """A tracker that forgets what it is told."""

    keeps_nothing: bool


@runtime_checkable
class LoadsSlowly(Protocol):
    """A tracker whose client takes seconds to load, so that this is said."""

    @property
    def to_be_loaded(self) -> str:
        """The client by name; "" when it is loaded."""
        ...


class ExperimentTracker(Protocol):
    """Is told of runs by any of their processes, after the run log has it; secrets are masked.

    Made with its options and the working directory; that costs nothing, clients are loaded when they are used. A run is
    known by its id: whoever is first makes what the tracker keeps of it, also when that is not `begin_run`. Telling the
    same twice is as good as once. Every method may raise TrackerUnreachable, and is then called again later, and
    ExperimentTrackerError; neither fails a step or a run. No method waits longer than a few seconds.
    """

    def begin_run(self, run: TrackedRun, parameters: Mapping[str, Json]) -> None:
        """The run has begun, with these initial parameters."""
        ...

    def end_step(self, run: TrackedRun, step: TrackedStep) -> None:
        """A step has ended."""
        ...

    def end_run(self, run: TrackedRun, status: Status, message: str) -> None:
        """The run has ended; `message` is why it failed, or ""."""
        ...

    def context(self, run: TrackedRun, path: StepPath) -> AbstractContextManager[UserObject]:
        """For the tracker's own functions in the code of a step: inside, they concern this run.

        Gives the tracker's own object of the run, or None. Afterwards the process is as it was.
        """
        ...
