"""The executor `slurm`: each step runs as a job of Slurm, by the re-entry command on a node of the cluster."""

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from magnus.definition.wrong_fields import Complaint
from magnus.errors import InvalidConfiguration
from magnus.executors.jobs.executor import JobExecutor
from magnus.executors.jobs.options import JobOptions
from magnus.executors.slurm.options import Container, SlurmOptions, lines, of_step
from magnus.interfaces.capabilities import ExecutorCapabilities, Locality
from magnus.interfaces.executor import StepRunner

if TYPE_CHECKING:
    from magnus.interfaces.jobs_of_runs import RunningJob  # lazy: few runs lose their process
    from magnus.run_log.records import RunRecord

_LONGEST_POLL: Final = 4
_SUBMIT_PAUSE_SECONDS: Final = 1.0
"""Some sites ask for one submission a second at most; who polls more often than that knows the site."""


def _whole(folder: str) -> str:
    """The folder, with the home of a user for `~`."""
    return os.path.expanduser(folder)  # noqa: PTH111 - a `~` of no user stays


def _capabilities(options: SlurmOptions) -> ExecutorCapabilities:
    return ExecutorCapabilities(
        runs_on=Locality.NETWORK,
        concurrent=True,
        reenters=True,
        shares=tuple(_whole(folder) for folder in options.shared_folders),
        shares_by="shared_folders",
        inherits=True,
        keeps=(_whole(options.log_folder),),
    )


class SlurmExecutor(JobExecutor):
    """Runs steps as jobs of Slurm; the base decides when, the client of Slurm how."""

    options = SlurmOptions
    capabilities = staticmethod(_capabilities)

    def __init__(self, options: SlurmOptions, run_step: StepRunner) -> None:
        from magnus.executors.slurm.client import SlurmClient  # lazy: a step in its job knows the options alone

        reentry = run_step.reentry_spec()
        here = reentry.working_directory
        written = (*reentry.written, here / _whole(options.log_folder))
        _refuse_unmountable(options, (here, *written))
        jobs = JobOptions(
            folder=Path(_whole(options.log_folder)),
            system="Slurm",
            max_jobs=options.max_jobs,
            poll_seconds=options.poll_seconds,
            submit_pause_seconds=min(_SUBMIT_PAUSE_SECONDS, options.poll_seconds),
            longest_poll_seconds=_LONGEST_POLL * options.poll_seconds,
            together=frozenset(name for name, override in options.overrides.items() if override.together),
            setup=lambda override: _setup(options, override),
            program=lambda override: _program(of_step(options, override).container, here, written),
        )
        super().__init__(SlurmClient(options, here), jobs, run_step)

    @staticmethod
    def begin(_options: SlurmOptions) -> None:
        """Refuse to start where jobs cannot be submitted."""
        if shutil.which("sbatch") is None:
            message = "executor 'slurm' needs the command 'sbatch', which is not on the PATH"
            raise InvalidConfiguration(message, fix="run magnus where jobs are submitted, such as on a login node")

    @staticmethod
    def running_jobs(options: SlurmOptions, runs: "Sequence[RunRecord]") -> "Mapping[str, Sequence[RunningJob]]":
        """The jobs of these runs that wait or run."""
        from magnus.executors.jobs import left_jobs  # lazy: few runs lose their process
        from magnus.executors.slurm.client import SlurmClient

        return left_jobs.running_jobs(SlurmClient(options, Path.cwd()), Path(_whole(options.log_folder)), runs)

    @staticmethod
    def cancel_jobs(options: SlurmOptions, run: "RunRecord", jobs: "Sequence[RunningJob]") -> None:
        """Cancel such jobs."""
        from magnus.executors.jobs import left_jobs  # lazy: likewise
        from magnus.executors.slurm.client import SlurmClient

        left_jobs.cancel_jobs(SlurmClient(options, Path.cwd()), Path(_whole(options.log_folder)), run, jobs)

    @staticmethod
    def output_folders(options: SlurmOptions, run_id: str) -> Sequence[Path]:
        """The folder with the output of the jobs of the run."""
        from magnus.executors.jobs import left_jobs  # lazy: `magnus gc` alone needs it

        return left_jobs.output_folders(Path(_whole(options.log_folder)), run_id)

    @staticmethod
    def connect_complaints(options: SlurmOptions) -> Sequence[Complaint]:
        """Everything that keeps the cluster from running such jobs."""
        from magnus.executors.slurm.connect import complaints  # lazy: `magnus check --connect` alone needs it

        return list(complaints(options))


def _program(container: Container | None, here: Path, written: Sequence[Path]) -> Sequence[str]:
    """The words that start magnus in a job; folders that a container mounts are made if they are missing."""
    from magnus.executors.slurm.job_script import program  # lazy: as above

    for folder in written if container is not None else ():
        with suppress(OSError):  # the program of the container names it then
            folder.mkdir(parents=True, exist_ok=True)
    return program(container, here, written)


def _refuse_unmountable(options: SlurmOptions, folders: Sequence[Path]) -> None:
    """InvalidConfiguration if a container of some steps cannot have the folders that magnus needs in it."""
    from magnus.executors.slurm.job_script import unmountable  # lazy: as above

    for override in ("", *options.overrides):
        container = of_step(options, override).container
        if container is not None and (wrong := unmountable(container, folders)):
            message = f"executor 'slurm': {container.kind} cannot mount the folder '{wrong[0]}', since its path has a comma or colon"
            raise InvalidConfiguration(message, fix="use a folder without them, or a container of kind apptainer")


def _setup(options: SlurmOptions, override: str) -> Sequence[str]:
    """The lines of `setup`; one that fails ends the job."""
    found = lines(of_step(options, override))
    return ("set -e", *found, "set +e") if found else ()
