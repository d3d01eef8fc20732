"""The contract of an experiment tracker, which records the parameters, metrics and, if it takes them, files of runs."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from msgspec import Struct, field

from magnus.graph.path import StepPath
from magnus.run_log.parameters import Metric
from magnus.run_log.records import Status
from magnus.values import Json, UserObject

__all__ = [
    "ExperimentTracker",
    "KeepsNothing",
    "LoadsSlowly",
    "NamesSteps",
    "TakesFiles",
    "TrackedFile",
    "TrackedRun",
    "TrackedStep",
]


class TrackedRun(Struct, frozen=True, omit_defaults=True):
    """A run, as far as a process of it sees the run.

    `pipeline` is the name of the pipeline, `artifacts` the folder where the catalog stores files; "" if there is none.
    Only the process that creates the run has the times, `commit` and `repository` of git; in others they are None or "".
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
    """A step that has finished.

    Attributes:
        path: its path in the run.
        status: SUCCESS or FAIL.
        start_time, end_time: of its first and last attempt, in UTC.
        parameters: the parameters it set, without objects; empty if it failed.
        metrics: the metrics it tracked, failed or not: values by name, a `CountedMetric` if the step counted them.
        names: the readable names of the step and its branches; () for a tracker that is not `NamesSteps`.
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
    """A tracker that shows readable names of steps: `TrackedStep.names`, which cost a look at the run log."""

    names_steps: bool


@runtime_checkable
class KeepsNothing(Protocol):
    """A tracker that stores nothing."""

    keeps_nothing: bool


@runtime_checkable
class LoadsSlowly(Protocol):
    """A tracker whose client takes seconds to load; progress shows that."""

    @property
    def to_be_loaded(self) -> str:
        """The client by name; "" when it is loaded."""
        ...


class TrackedFile(Struct, frozen=True):
    """A file that a step put into the catalog, or an object that it stored.

    Attributes:
        name: the name in the catalog; of an object the name of its parameter with the extension of its format.
        object_name: the name of the parameter; "" if it is no object.
        data_hash: SHA-256 of its content, in hex.
        copy: writes the content to a new file; CatalogError if it is gone or damaged, ExperimentTrackerError if it holds
            a secret.
        load: returns the object itself, which unpickling makes; of another file its value or bytes. As errors `copy`.
    """

    name: str
    object_name: str
    data_hash: str
    copy: Callable[[Path], None]
    load: Callable[[], UserObject]


@runtime_checkable
class TakesFiles(Protocol):
    """A tracker that also stores files of steps."""

    def takes(self, file: TrackedFile) -> bool:
        """Whether it stores this file; costs nothing."""
        ...

    def log_file(self, run: TrackedRun, step: TrackedStep, file: TrackedFile) -> None:
        """Store the file, after the step; twice has the effect of once. It may wait for as long as the file takes."""
        ...


class ExperimentTracker(Protocol):
    """Records runs. Any process of a run calls it, after the run log has the record; secrets are masked.

    Its class is called with the options and the working directory; that costs nothing, clients load when they are used.
    The id identifies a run: the first call creates the run in the tracker, also a call other than `begin_run`. The same
    call twice has the effect of one. Every method may raise TrackerUnreachable, and is then called again later, or
    ExperimentTrackerError; neither fails a step or a run. No method waits longer than a few seconds.
    """

    def begin_run(self, run: TrackedRun, parameters: Mapping[str, Json]) -> None:
        """The run has started, with these initial parameters."""
        ...

    def end_step(self, run: TrackedRun, step: TrackedStep) -> None:
        """A step has finished."""
        ...

    def end_run(self, run: TrackedRun, status: Status, message: str) -> None:
        """The run has finished; `message` is the reason of a failure, or ""."""
        ...

    def context(self, run: TrackedRun, path: StepPath) -> AbstractContextManager[UserObject]:
        """For the tracker's own functions in the code of a step: inside, they concern this run.

        Gives the tracker's own object of the run, or None. Afterwards the process is as it was.
        """
        ...
