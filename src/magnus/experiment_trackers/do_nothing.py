"""The `do-nothing` experiment tracker: metrics are in the run log and nowhere else."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from msgspec import Struct

from magnus.graph.path import StepPath
from magnus.interfaces.experiment_tracker import TrackedRun, TrackedStep
from magnus.run_log.records import Status
from magnus.values import Json


class DoNothingOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """It has none."""


class DoNothingTracker:
    """Listens and forgets."""

    options = DoNothingOptions
    keeps_nothing = True

    def __init__(self, _options: DoNothingOptions, _working_directory: Path) -> None:
        """Nothing is kept."""

    def begin_run(self, run: TrackedRun, parameters: Mapping[str, Json]) -> None:
        """Nothing."""

    def end_step(self, run: TrackedRun, step: TrackedStep) -> None:
        """Nothing."""

    def end_run(self, run: TrackedRun, status: Status, message: str) -> None:
        """Nothing."""

    def context(self, run: TrackedRun, path: StepPath) -> AbstractContextManager[None]:  # noqa: ARG002 - the same for all
        """Nothing is different inside."""
        return nullcontext()
