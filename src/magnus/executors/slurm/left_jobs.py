"""The jobs in the queue of Slurm that runs left whose process is gone: which they are, and their end."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from magnus.errors import JobsUnknown
from magnus.executors.jobs.batch_system import Full, NoAnswer, Refused
from magnus.executors.slurm.client import SlurmClient
from magnus.executors.slurm.options import SlurmOptions
from magnus.executors.slurm.queue import Entry
from magnus.interfaces.jobs_of_runs import RunningJob


def running_jobs(options: SlurmOptions, run_ids: Sequence[str]) -> Mapping[str, Sequence[RunningJob]]:
    """The jobs of these runs that wait or run now, by the id of the run; JobsUnknown."""
    with _answered():
        entries = SlurmClient(options, Path.cwd()).alive(run_ids)
    return {run_id: [_running(entry) for entry in found] for run_id, found in entries.items()}


def cancel_jobs(options: SlurmOptions, ids: Sequence[str]) -> None:
    """End these jobs; JobsUnknown."""
    with _answered():
        SlurmClient(options, Path.cwd()).cancel(ids)


@contextmanager
def _answered() -> Iterator[None]:
    try:
        yield
    except (NoAnswer, Full, Refused) as error:
        raise JobsUnknown(error.problems[0].message) from error


def _running(entry: Entry) -> RunningJob:
    """The comment names the steps of an array in their order, as far as they fit."""
    whole = entry.steps.removesuffix("...").split()[: None if not entry.steps.endswith("...") else -1]
    step = whole[entry.job.index] if entry.job.index < len(whole) else ""
    return RunningJob(entry.job.id, step, entry.job.state)
