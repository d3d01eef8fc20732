"""Asks executors for the folders that they left for the users of a run, by the configuration that the run recorded."""

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from magnus.app.composition.configuration import ServiceConfiguration
from magnus.app.composition.jobs_of_runs import recorded_executor
from magnus.app.composition.services import engine_of, options_of
from magnus.errors import InvalidConfiguration
from magnus.interfaces.jobs_of_runs import KeepsOutput
from magnus.run_log.json_bytes import to_bytes
from magnus.run_log.records import RunRecord


class RunOutput(Struct, frozen=True):
    """The folders of one run.

    Attributes:
        folders: the folders, absolute.
        keeps: the folders in which the executor has files of its own, absolute: all others belong to somebody else.
    """

    folders: Sequence[Path] = ()
    keeps: Sequence[Path] = ()


class OutputOfRuns:
    """The folders of runs. An executor that many runs have is looked up once."""

    def __init__(self) -> None:
        self._keepers: dict[bytes, _Keeper | None] = {}

    def of(self, run: RunRecord) -> RunOutput:
        """The folders of the run; none if its executor leaves none, or is not installed any more."""
        executor = recorded_executor(run)
        if executor is None:
            return RunOutput()
        key = to_bytes({"type": executor.type, "config": executor.config})
        if key not in self._keepers:
            self._keepers[key] = _keeper(executor)
        keeper = self._keepers[key]
        if keeper is None:
            return RunOutput()
        folders = [Path.cwd() / folder for folder in keeper.executor.output_folders(keeper.options, run.run_id)]
        return RunOutput(folders, keeper.keeps)


class _Keeper(Struct, frozen=True):
    executor: KeepsOutput
    options: object
    keeps: Sequence[Path]


def _keeper(configured: ServiceConfiguration) -> _Keeper | None:
    """The class of the executor with its options; None for one that leaves no folders."""
    try:
        _, executor_class = engine_of(configured)
        if not isinstance(executor_class, KeepsOutput):
            return None
        options = options_of("executor", executor_class, configured)
    except InvalidConfiguration:
        return None
    declared = executor_class.capabilities
    capabilities = declared(options) if callable(declared) else declared
    return _Keeper(executor_class, options, [Path.cwd() / folder for folder in capabilities.keeps])
