"""Finds and cancels jobs of runs whose process is gone, and the output of jobs, for `FindsJobs` and `KeepsOutput`.

::

    class MyExecutor(JobExecutor):
        @staticmethod
        def running_jobs(options: MyOptions, runs: Sequence[RunRecord]) -> Mapping[str, Sequence[RunningJob]]:
            return left_jobs.running_jobs(MyBatchSystem(options), Path(options.folder), runs)

        @staticmethod
        def output_folders(options: MyOptions, run_id: str) -> Sequence[Path]:
            return left_jobs.output_folders(Path(options.folder), run_id)

A folder of jobs below the working directory is looked for below the one of this process.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from magnus.engine.processes import liveness
from magnus.errors import JobsUnknown
from magnus.executors.jobs import ledger
from magnus.executors.jobs.batch_system import BatchSystem, Job, NoAnswer, Phase, Refused
from magnus.executors.jobs.run_folder import RunFolder
from magnus.interfaces.jobs_of_runs import RunningJob
from magnus.run_log.records import RunRecord

__all__ = ["cancel_jobs", "output_folders", "running_jobs"]

_SETTLED_SECONDS: Final = 600.0
"""After this time no job comes any more of a submission that was not answered."""


def running_jobs(system: BatchSystem, folder: Path, runs: Sequence[RunRecord]) -> Mapping[str, Sequence[RunningJob]]:
    """The jobs of the runs that wait or run, by the id of the run, found by one request; JobsUnknown without an answer.

    If a run whose process is gone for certain has none, its private files are removed, with the secrets in them. Then the
    batch system need not look for its jobs again: a list may have many such runs.
    """
    folders = [(run, RunFolder(Path.cwd() / folder, run.run_id)) for run in runs]
    open_folders = [(run, files) for run, files in folders if not files.is_over]
    jobs = _jobs(system, [run.run_id for run, _ in open_folders])
    running: dict[str, Sequence[RunningJob]] = {}
    for run, files in open_folders:
        running[run.run_id] = _running(jobs.get(run.run_id, ()), files)
        if not running[run.run_id] and liveness.lost(run.owner):
            _remove(files)
    return running


def cancel_jobs(system: BatchSystem, folder: Path, run: RunRecord, jobs: Sequence[RunningJob]) -> None:
    """Cancel these jobs, and let no job of the run start a step any more; JobsUnknown without an answer."""
    RunFolder(Path.cwd() / folder, run.run_id).stop()
    try:
        if jobs:
            system.cancel([job.id for job in jobs])
    except NoAnswer as error:
        raise _unknown(error) from error


def output_folders(folder: Path, run_id: str) -> Sequence[Path]:
    """The folder with the output of the jobs of the run, if it was made for the run."""
    files = RunFolder(Path.cwd() / folder, run_id)
    return [files.logs] if files.is_of_run else []


def _jobs(system: BatchSystem, run_ids: Sequence[str]) -> Mapping[str, Sequence[Job]]:
    try:
        return system.jobs(run_ids) if run_ids else {}
    except (NoAnswer, Refused) as error:
        raise _unknown(error, run_ids) from error


def _running(jobs: Sequence[Job], files: RunFolder) -> list[RunningJob]:
    """The jobs that wait or run, with their steps."""
    batches = ledger.read(files)
    paths = {batch.key: batch.paths for batch in batches.values()}
    return [
        RunningJob(job.id, _path(paths.get(job.batch, ()), job.index), job.state)
        for job in jobs
        if job.phase in {Phase.WAITING, Phase.RUNNING} and not _is_of_another_run(job, batches)
    ]


def _is_of_another_run(job: Job, batches: Mapping[str, ledger.LedgerBatch]) -> bool:
    """Whether a run of another folder, which has the same id, submitted the job."""
    if not batches or job.batch in batches or not ledger.is_key(job.batch):
        return False
    return not any(job.id in batch.ids.values() for batch in batches.values())


def _path(paths: Sequence[object], index: int) -> str:
    return str(paths[index]) if 0 <= index < len(paths) else ""


def _unknown(error: NoAnswer | Refused, run_ids: Sequence[str] = ()) -> JobsUnknown:
    [problem] = error.problems
    return JobsUnknown(problem.message, fix=problem.fix, runs=run_ids)


def _remove(files: RunFolder) -> None:
    """Remove the private files, unless a submission may still come."""
    unanswered = any(not batch.ids for batch in ledger.read(files).values())
    with suppress(OSError):
        if not unanswered or time.time() - (files.private / "ledger").stat().st_mtime > _SETTLED_SECONDS:
            files.remove()
