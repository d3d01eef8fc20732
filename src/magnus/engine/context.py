"""Everything a run needs, as a value: built once by `app.composition`, passed to the engine, stored on no service."""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, BinaryIO

from msgspec import Struct, field

from magnus.engine.files.file_clock import FileClock
from magnus.engine.interaction.channel import Channel, ParametersFile
from magnus.engine.interaction.tracking import Tracking
from magnus.engine.output.capture import OutputCapture
from magnus.engine.processes.guard import Guard
from magnus.engine.secrets.masking import Masker
from magnus.engine.values.parameter_values import Texts
from magnus.graph.nodes import Graph, Reducer
from magnus.graph.path import StepPath
from magnus.interfaces.catalog import Catalog, LogStore
from magnus.interfaces.experiment_tracker import ExperimentTracker, TrackedRun
from magnus.interfaces.objects import Objects
from magnus.interfaces.pickler import Picklers
from magnus.interfaces.reporter import Reporter
from magnus.interfaces.run_log_store import RunLogStore
from magnus.interfaces.secrets import Secrets
from magnus.interfaces.task_kind import TaskKind
from magnus.run_log.parameters import Parameter
from magnus.run_log.records import CodeIdentity
from magnus.values import Json

if TYPE_CHECKING:
    from magnus.engine.files.project_copy import ProjectCopy  # lazy: few executors copy the project


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Clock(Struct, frozen=True):
    """Where times come from: `now` for when, `monotonic` (seconds) for how long."""

    now: Callable[[], datetime] = now
    monotonic: Callable[[], float] = monotonic


class Services(Struct, frozen=True):
    """What a run uses, behind its interfaces.

    `task_kind` gives the task kind of a name that was checked before; `reduce` calls the reducer of a map, for one name,
    with what all branches set under it, and raises TaskFailed. `experiment_tracker_settings` are what another process needs to make the
    same tracker: type, options and working directory.
    """

    run_log_store: RunLogStore
    catalog: Catalog
    secrets: Secrets
    picklers: Picklers
    experiment_tracker: ExperimentTracker
    experiment_tracker_settings: Mapping[str, Json]
    task_kind: Callable[[str], TaskKind]
    reduce: Callable[[Reducer, str, Sequence[Parameter], Objects], Parameter]

    def open_log(self, run_id: str, path: StepPath) -> BinaryIO:
        """The log of a step, open for appending: the null device with a catalog that keeps no logs. CatalogError."""
        if isinstance(self.catalog, LogStore):
            return self.catalog.open_log(run_id, path)
        return Path(os.devnull).open("ab")  # the caller closes it


class RunContext(Struct, frozen=True):
    """One run in this process.

    Attributes:
        hidden: folders that no glob matches unless it names them.
        artifacts: the folder of the catalog; "" when it has none.
        folder: private to the run and this process, gone afterwards.
        definition_file, configuration_file: for re-entry commands; "" where there is none.
        script: the script whose functions are steps, if there is one.
        started_at: when this process started to work for the run.
        project_copy: makes the copy of the project that a step works in; None where steps work in the working directory.
        file_clock: distinguishes files that a step touched from older ones.
        code_identities: of steps, if the run has others.
        reenters: whether steps run in processes that the re-entry command starts, perhaps in another environment.
        job: the id of the job of a batch system that this process runs in, and `machine` where that runs; "" for none.
    """

    run_id: str
    graph: Graph
    services: Services
    reporter: Reporter
    working_directory: Path
    folder: Path
    output_capture: OutputCapture
    channel: Channel
    guard: Guard
    masker: Masker
    parameters_file: ParametersFile
    tracking: Tracking
    hidden: Sequence[Path] = ()
    artifacts: str = ""
    tag: str = ""
    definition_file: str = ""
    configuration_file: str = ""
    clock: Clock = field(default_factory=Clock)
    texts: Texts = field(default_factory=Texts)
    script: Path | None = None
    started_at: datetime = field(default_factory=now)
    code_identities: tuple[CodeIdentity, ...] | None = None
    project_copy: "ProjectCopy | None" = None
    file_clock: FileClock = field(default_factory=FileClock)
    reenters: bool = False
    job: str = ""
    machine: str = ""

    @property
    def tracked_run(self) -> TrackedRun:
        """The run as an experiment tracker knows it."""
        artifacts = f"{self.artifacts}/{self.run_id}" if self.artifacts else ""
        return TrackedRun(self.run_id, self.tag, self.graph.name, artifacts)
