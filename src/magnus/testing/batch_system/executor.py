"""The executor of the batch system for tests. A configuration selects it as the executor `fake-batch`."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field

from magnus.executors.jobs import left_jobs
from magnus.executors.jobs.executor import JobExecutor
from magnus.executors.jobs.options import JobOptions
from magnus.interfaces.capabilities import ExecutorCapabilities, Locality
from magnus.interfaces.executor import StepRunner
from magnus.interfaces.jobs_of_runs import RunningJob
from magnus.run_log.records import RunRecord
from magnus.testing.batch_system.client import FakeBatchSystem

__all__ = ["FakeBatchExecutor", "FakeBatchOptions", "FakeBatchOverride", "install"]

_ENTRY_POINT = "[magnus.executor]\nfake-batch = magnus.testing.batch_system.executor:FakeBatchExecutor\n"


class FakeBatchOverride(Struct, frozen=True, forbid_unknown_fields=True):
    """Options of the steps that name this override.

    Attributes:
        together: whether one job runs a composite with all its branches.
        setup: lines of shell before the step.
    """

    together: bool = False
    setup: tuple[str, ...] = ()


class FakeBatchOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The options of the executor.

    Attributes:
        state: the folder of the state of the batch system.
        folder: for the files of jobs.
        overrides: other options, by a name that steps give.
        setup, max_jobs, poll_seconds, grace_seconds: as in `JobOptions`.
    """

    state: str
    folder: str = ".jobs-of-runs"
    overrides: Mapping[str, FakeBatchOverride] = field(default_factory=dict)
    setup: tuple[str, ...] = ()
    max_jobs: int = 1000
    poll_seconds: float = 0.3
    grace_seconds: float = 2.0


def _capabilities(options: FakeBatchOptions) -> ExecutorCapabilities:
    return ExecutorCapabilities(
        runs_on=Locality.NETWORK, concurrent=True, reenters=True, shares=("/",), keeps=(options.folder,)
    )


class FakeBatchExecutor(JobExecutor):
    """Runs steps as jobs of the batch system for tests."""

    options = FakeBatchOptions
    capabilities = staticmethod(_capabilities)

    def __init__(self, options: FakeBatchOptions, run_step: StepRunner) -> None:
        def setup(override: str) -> tuple[str, ...]:
            return (*options.setup, *options.overrides.get(override, FakeBatchOverride()).setup)

        base = JobOptions(
            folder=Path(options.folder),
            system="the fake batch system",
            max_jobs=options.max_jobs,
            poll_seconds=options.poll_seconds,
            longest_poll_seconds=4 * options.poll_seconds,
            grace_seconds=options.grace_seconds,
            submit_pause_seconds=0.05,
            together=frozenset(name for name, override in options.overrides.items() if override.together),
            setup=setup,
        )
        super().__init__(FakeBatchSystem(Path(options.state)), base, run_step)

    @staticmethod
    def running_jobs(options: FakeBatchOptions, runs: Sequence[RunRecord]) -> Mapping[str, Sequence[RunningJob]]:
        """The jobs of runs whose process is gone."""
        return left_jobs.running_jobs(FakeBatchSystem(Path(options.state)), Path(options.folder), runs)

    @staticmethod
    def cancel_jobs(options: FakeBatchOptions, run: RunRecord, jobs: Sequence[RunningJob]) -> None:
        """Cancel jobs of such a run."""
        left_jobs.cancel_jobs(FakeBatchSystem(Path(options.state)), Path(options.folder), run, jobs)

    @staticmethod
    def output_folders(options: FakeBatchOptions, run_id: str) -> Sequence[Path]:
        """The folder with the output of the jobs of a run."""
        return left_jobs.output_folders(Path(options.folder), run_id)


def install(folder: Path) -> Mapping[str, str]:
    """Make the executor known to processes of magnus: write a distribution to `folder`; the environment that has it."""
    information = folder / "magnus_fake_batch-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: magnus_fake_batch\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(_ENTRY_POINT)
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH", ""))))
    return {"PYTHONPATH": path}
