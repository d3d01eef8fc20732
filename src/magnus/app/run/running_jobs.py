"""Waits until nothing of a run runs any more whose process is gone, or cancels that. Called by `app.run.prepare`.

A run that resumes it would else run steps which jobs of the original still run.
"""

from collections.abc import Callable, Iterator, Sequence
from time import monotonic, sleep
from typing import Final, Literal, TypeAlias

from magnus.app.composition.jobs_of_runs import NO_JOBS, JobsOfRun, cancel_jobs, jobs_of_runs
from magnus.errors import InvalidInput, JobsUnknown
from magnus.interfaces.jobs_of_runs import RunningJob
from magnus.run_log.records import ENDED, RunRecord

_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 60.0
_SHARE: Final = 10
"""A pause lasts at most one part in so many of the time waited."""
_MOST_STEPS: Final = 20


StillRunning: TypeAlias = Literal["wait", "cancel", "refuse", "show", "ignore"]
"""What to do about jobs of the original that still run.

`wait` for their end, `cancel` them, `refuse` to resume the run, `show` them in the plan alone, or `ignore` them, since
the engine that resumes the run confirmed that there are none.
"""


class RunningJobs:
    """What is done about jobs of an original run."""

    def __init__(
        self,
        still_running: StillRunning,
        report: Callable[[str], None],
        *,
        assume_lost: bool = False,
        pause: Callable[[float], None] = sleep,
    ) -> None:
        self._still_running = still_running
        self._report = report
        self._assume_lost = assume_lost
        self._pause = pause

    def settle(self, run: RunRecord) -> None:
        """Return when nothing of the run runs any more, or at once if its jobs shall be shown alone or ignored.

        InvalidInput if the run may not be resumed now. KeyboardInterrupt leaves the jobs running.
        """
        if self._still_running == "ignore":
            return
        jobs = jobs_of_runs([run]).get(run.run_id)
        if jobs is None:
            return  # its executor has no jobs that outlive the run
        if jobs.unknown:
            self._settle_unknown(run, jobs)
        elif jobs.jobs:
            self._settle(run, jobs)
        elif run.status not in ENDED and self._still_running in {"wait", "cancel"}:
            self._close(run)

    def _settle_unknown(self, run: RunRecord, jobs: JobsOfRun) -> None:
        """InvalidInput for a run that may still run.

        A run that has finished cancelled its jobs itself, but some may have been left: the doubt is reported.
        """
        if self._assume_lost:
            return
        if run.status in ENDED:
            doubt = f"it could not be confirmed that no {jobs.word} of the run '{run.run_id}' still runs"
            self._report(f"{doubt}: {jobs.unknown}; magnus continues, since the run cancelled them when it finished")
            return
        message = f"the run '{run.run_id}' may still be running: its orchestrator is gone; {jobs.sentence}"
        if self._still_running == "show":
            self._report(f"{message}; without --dry-run magnus does not resume it now")
            return
        fix = (
            "try again later, or make sure that nothing of it runs and add --assume-lost (in Python: assume_lost=True)"
        )
        raise InvalidInput(message, fix=fix)

    def _settle(self, run: RunRecord, jobs: JobsOfRun) -> None:
        sentence = f"the run '{run.run_id}' has no orchestrator any more, but {jobs.sentence}"
        them, whose = ("it", "its") if len(jobs.jobs) == 1 else ("them", "their")
        match self._still_running:
            case "refuse":
                raise InvalidInput(sentence, fix=f"wait for {whose} end, or cancel {them}")
            case "show":
                self._report_jobs(f"{sentence}; without --dry-run magnus waits for {whose} end", jobs)
            case "cancel":
                self._report_jobs(f"{sentence}; magnus cancels {them}", jobs)
                self._cancel(run, jobs)
                self._close(run)
                self._report(f"nothing of the run '{run.run_id}' runs any more")
            case "wait" | "ignore":
                how = f"Ctrl-C leaves {them} running, --still-running cancel ends {them}"
                self._report_jobs(f"{sentence}; magnus waits for {whose} end ({how})", jobs)
                self._close(run)
                self._report(f"nothing of the run '{run.run_id}' runs any more")

    def _report_jobs(self, sentence: str, jobs: JobsOfRun) -> None:
        self._report(sentence)
        for line in _lines(jobs.jobs):
            self._report(line)

    def _cancel(self, run: RunRecord, jobs: JobsOfRun) -> None:
        try:
            cancel_jobs(run, jobs)
        except JobsUnknown as error:
            [problem] = error.problems
            message = f"{jobs.word}s of the run '{run.run_id}' cannot be cancelled: {problem.message}"
            raise InvalidInput(message, fix=problem.fix or "try again later") from error

    def _close(self, run: RunRecord) -> None:
        """Return when no job runs, and none can start any more.

        A job may have been on its way to the batch system when the process of the run was killed.
        """
        self._wait(run)
        self._cancel(run, NO_JOBS)
        self._wait(run)

    def _wait(self, run: RunRecord) -> None:
        """Return when no job runs any more. While there is no answer, jobs may run: that is reported once."""
        start, is_reported = monotonic(), False
        while (jobs := jobs_of_runs([run]).get(run.run_id, NO_JOBS)).sentence:
            if jobs.unknown and not is_reported:
                self._report(f"{jobs.sentence}; magnus waits for an answer")
                is_reported = True
            waited = monotonic() - start
            self._pause(min(max(_FIRST_PAUSE_SECONDS, waited / _SHARE), _LONGEST_PAUSE_SECONDS))


def _lines(jobs: Sequence[RunningJob]) -> Iterator[str]:
    """The steps that still run, each with its job."""
    named = [job for job in jobs if job.step]
    for job in named[:_MOST_STEPS]:
        state = f", {job.state}" if job.state else ""
        yield f"  '{job.step}' ({job.id}{state})"
    if len(named) > _MOST_STEPS:
        yield f"  and {len(named) - _MOST_STEPS} more"
