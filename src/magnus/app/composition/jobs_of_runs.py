"""Asks executors for jobs of runs whose process is gone, and cancels them, by the configuration that each run recorded."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from magnus.app.composition.configuration import ServiceConfiguration, nowhere
from magnus.app.composition.services import engine_of, options_of
from magnus.errors import InvalidConfiguration, JobsUnknown
from magnus.interfaces.jobs_of_runs import FindsJobs, RunningJob, counted
from magnus.run_log.json_bytes import to_bytes
from magnus.run_log.records import RunRecord


class JobsOfRun(Struct, frozen=True):
    """The jobs of a run that run or wait for their start.

    Attributes:
        jobs: the jobs.
        word: what users call such a job.
        unknown: why it is not known whether there are jobs; "" if it is known.
    """

    jobs: Sequence[RunningJob] = ()
    word: str = "job"
    unknown: str = ""

    def __bool__(self) -> bool:
        """Whether something runs, as far as is known."""
        return bool(self.jobs)

    @property
    def sentence(self) -> str:
        """The jobs, or the doubt, in words; "" when nothing runs."""
        if self.unknown:
            return f"whether a {self.word} of it still runs is not known: {self.unknown}"
        return counted(self.jobs, self.word) if self.jobs else ""


NO_JOBS = JobsOfRun()


def jobs_of_runs(runs: Sequence[RunRecord]) -> Mapping[str, JobsOfRun]:
    """The jobs of the runs, by the id of each run; one request for all runs with the same executor and options.

    A run whose executor has no such jobs is left out.
    """
    groups: dict[bytes, list[RunRecord]] = {}
    for run in runs:
        if (executor := recorded_executor(run)) is not None:
            groups.setdefault(to_bytes({"type": executor.type, "config": executor.config}), []).append(run)
    return {run_id: jobs for group in groups.values() for run_id, jobs in _of_group(group).items()}


def cancel_jobs(run: RunRecord, jobs: JobsOfRun) -> None:
    """Cancel the jobs of the run, and let none start any more; JobsUnknown when the executor gets no answer.

    InvalidConfiguration as for a run.
    """
    executor = recorded_executor(run)
    if executor is not None and (finder := _finder(executor)) is not None:
        executor_class, options = finder
        executor_class.cancel_jobs(options, run, jobs.jobs)


def recorded_executor(run: RunRecord) -> ServiceConfiguration | None:
    """The executor in the record of the run; None in a record that has none."""
    match run.run_config.get("executor"):
        case {"type": str(name), "config": dict(config)}:
            return ServiceConfiguration(name, config, nowhere)
        case _:
            return None


def _finder(executor: ServiceConfiguration) -> tuple[FindsJobs, Any] | None:
    """The class of the executor and its options; None for one without jobs of its own."""
    _, executor_class = engine_of(executor)
    if not isinstance(executor_class, FindsJobs):
        return None
    return executor_class, options_of("executor", executor_class, executor)


def _of_group(runs: Sequence[RunRecord]) -> Mapping[str, JobsOfRun]:
    """The jobs of runs with one executor."""
    executor, word = recorded_executor(runs[0]), "job"
    assert executor is not None
    try:
        if (finder := _finder(executor)) is None:
            return {}
        executor_class, options = finder
        word = executor_class.job_word
        running = executor_class.running_jobs(options, runs)
    except (JobsUnknown, InvalidConfiguration) as error:
        unknown = JobsOfRun(word=word, unknown=error.problems[0].message)
        about = error.runs if isinstance(error, JobsUnknown) else ()
        return {run.run_id: unknown if not about or run.run_id in about else JobsOfRun(word=word) for run in runs}
    return {run.run_id: JobsOfRun(tuple(running.get(run.run_id, ())), word) for run in runs}
