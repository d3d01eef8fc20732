"""What the thread of an executor of jobs does: submits batches, looks for marks, asks for deaths, and cancels.

All calls of the batch system are made here or in `submissions`, one at a time. An answer that does not come says nothing: no job is over, and
none is submitted again. Times are monotonic seconds.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from magnus.errors import TaskFailed
from magnus.executors.jobs import outcome
from magnus.executors.jobs.batch_system import BatchSystem, Job, NoAnswer, Phase
from magnus.executors.jobs.options import JobOptions
from magnus.executors.jobs.requests import Submitted
from magnus.executors.jobs.run_folder import RunFolder
from magnus.executors.jobs.schedule import Schedule
from magnus.executors.jobs.step_job import StepJob
from magnus.executors.jobs.submissions import RunParts, Submissions
from magnus.interfaces.executor import ReentrySpec
from magnus.interfaces.reporter import Warned

__all__ = ["Watch"]

_MOST_READ_AT_ONCE: Final = 64
_DYING_SECONDS: Final = 5.0
"""The time in which the process of a job that was stopped leaves its mark, unless it was killed or its machine is gone."""
_STOP_SECONDS: Final = 60.0
"""The time in which jobs end that were cancelled."""
_MOST_LOSSES: Final = 3
_ALIVE: Final = frozenset({Phase.WAITING, Phase.RUNNING})


class Watch:
    """The jobs of one run. `turn` is called by one thread; `add` and `stop` by any. `leaves_jobs`: some may still run."""

    def __init__(
        self,
        system: BatchSystem,
        options: JobOptions,
        reentry: ReentrySpec,
        folder: RunFolder,
        now: Callable[[], float],
    ) -> None:
        self._system = system
        self._options = options
        self._reentry = reentry
        self._folder = folder
        self._now = now
        self._jobs: dict[tuple[str, int], StepJob] = {}
        self._schedule = Schedule(options.poll_seconds, options.longest_poll_seconds, now())
        self._parts = RunParts(system, options, reentry, folder, self._schedule, now)
        self._submissions = Submissions(self._parts, self._watch)
        self._next_reader = 0
        self._is_stopping = False
        self._stop_until = 0.0
        self._to_cancel: list[str] = []
        self._cancelled: set[str] = set()
        self.leaves_jobs = False

    def add(self, submitted: Submitted) -> None:
        """Run the step of a request."""
        self._submissions.add(submitted)

    def stop(self) -> None:
        """Cancel all jobs; the following turns do it."""
        self._is_stopping = True

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits or runs."""
        return not (self._jobs or self._to_cancel) and self._submissions.is_idle

    def turn(self) -> float | None:
        """Do what is due; the time of the next turn at the latest, None if only a request can change anything."""
        self._submissions.take_arrived()
        if self._is_stopping:
            self._stop_all()
        else:
            self._submissions.submit_due()
        self._cancel_due()
        if self._schedule.look_is_due(self._now()):
            self._look()
        if (self._jobs or self._submissions.unanswered) and self._schedule.ask_is_due(self._now()):
            self._ask()
        self._cancel_due()
        if self._stop_until and self._now() > self._stop_until:
            self._leave()
        return self._next_turn()

    def fail(self, error: BaseException) -> None:
        """Let all futures fail, since the thread cannot continue; jobs are cancelled if that can be done."""
        self._submissions.take_arrived()
        self._folder.stop()
        self.leaves_jobs = bool(self._all_jobs())
        with suppress(Exception):  # the error that is on its way matters more
            self._system.cancel([job.id for job in self._all_jobs() if job.id])
        for submitted in [*self._submissions.requests.clear(), *(job.submitted for job in self._all_jobs())]:
            if not submitted.future.done():  # the error may have come between the future and the end of the job
                submitted.future.set_exception(error)
        self._jobs.clear()
        self._submissions.unanswered.clear()
        self._to_cancel.clear()

    def _all_jobs(self) -> list[StepJob]:
        return [*self._jobs.values(), *(job for batch in self._submissions.unanswered for job in batch.jobs)]

    def _next_turn(self) -> float | None:
        if self._jobs or self._submissions.unanswered or self._to_cancel:
            times = [self._schedule.next_time(), self._submissions.requests.due()]
        else:
            times = [self._submissions.requests.due()]
        return min((time for time in times if time is not None), default=None)

    def _watch(self, jobs: Sequence[StepJob]) -> None:
        """Watch the jobs of a batch that was submitted."""
        self._jobs |= {(job.batch, job.index): job for job in jobs}

    # --- marks and events

    def _look(self) -> None:
        found = 0
        marks = sorted(self._folder.marks(), key=lambda mark: (mark.restarts, mark.status is not None))
        for mark in marks:
            job = self._jobs.get((mark.batch, mark.index))
            if job is None:
                continue
            found += 1
            status = job.take_mark(mark, self._folder)
            if status is not None:
                self._exited(job, status)
            elif job.suspicion is not None:
                self._schedule.ask_soon(self._now())
        unanswered = {batch.key for batch in self._submissions.unanswered}
        self._folder.remove_marks([mark for mark in marks if mark.batch not in unanswered])
        self._schedule.looked(self._now(), has_marks=found > 0, has_events=self._read_events())

    def _read_events(self) -> bool:
        """Read what running jobs reported, of some of them at a time."""
        running = [job for job in self._jobs.values() if job.start is not None]
        first = self._next_reader if self._next_reader < len(running) else 0
        self._next_reader = first + _MOST_READ_AT_ONCE
        return sum(job.read_events(self._folder) for job in running[first : first + _MOST_READ_AT_ONCE]) > 0

    def _exited(self, job: StepJob, status: int) -> None:
        """The job is over, and its record has the outcome of its step, if the step came so far."""
        self._finish(job)
        if job.has_ended or (self._is_stopping and job.start is not None):
            job.submitted.future.set_result(None)
            return
        log = self._folder.end_of_log(job.start.log if job.start is not None else "")
        job.submitted.future.set_exception(outcome.failed_to_run(job, status, log, self._options.system))

    def _died(self, job: StepJob, answer: Job | None) -> None:
        """The job is over, and its process died: neither it nor a copy of it can start the step any more."""
        self._folder.revoke(job.batch, job.index)
        if job.id and not self._is_stopping:
            self._to_cancel.append(job.id)
        self._finish(job)
        output, system = job.end(), self._options.system
        if self._is_stopping:
            self._interrupt(job)
        elif answer is not None and self._never_started(job, answer):
            message = outcome.killed(job, answer, output, system).problems[0].message
            self._reentry.report(Warned(f"{message}; it had not started the step, so another job follows", job.path))
            self._submissions.requests.add(replace(job.submitted, losses=job.submitted.losses + 1), self._now())
        elif answer is None:
            job.submitted.future.set_exception(outcome.gone(job, output, system))
        elif answer.phase is Phase.KILLED:
            job.submitted.future.set_exception(outcome.killed(job, answer, output, system))
        elif job.suspicion is not None and job.suspicion.status is not None:
            died = outcome.died_by_signal(job, job.suspicion.status, output, system)
            job.submitted.future.set_exception(died)
        elif job.start is None:
            job.submitted.future.set_exception(outcome.without_start(job, answer, self._folder, output, system))
        else:
            job.submitted.future.set_exception(outcome.without_mark(job, answer, output, system))

    def _never_started(self, job: StepJob, answer: Job) -> bool:
        """Whether the job was lost before its step started, which is no attempt; that is no reason to try forever."""
        is_lost = answer.phase is Phase.KILLED and not answer.by_user
        return is_lost and job.start is None and job.submitted.losses < _MOST_LOSSES

    def _finish(self, job: StepJob) -> None:
        job.read_events(self._folder, to_end=True)
        self._folder.remove_events(job.batch, job.index)
        self._jobs.pop((job.batch, job.index), None)
        self._submissions.requests.room_again(self._now())

    # --- asking

    def _ask(self) -> None:
        at = self._now()
        try:
            answers = self._system.jobs([self._reentry.run_id]).get(self._reentry.run_id, ())
        except NoAnswer as error:
            self._parts.silent(error)
            self._schedule.asked(self._now(), has_news=False, is_answered=False)
            return
        by_place: dict[tuple[str, int], list[Job]] = {}
        for answer in answers:
            by_place.setdefault((answer.batch, answer.index), []).append(answer)
        if self._is_stopping:  # also what a submission made that was carried out twice
            own = [answer for answer in answers if answer.batch in self._submissions.keys]
            self._to_cancel += [answer.id for answer in own if answer.phase in _ALIVE]
        self._look()  # marks that were left before the answer
        self._submissions.resolve(by_place, at, is_stopping=self._is_stopping)
        news = [self._take_answers(job, by_place.get(place, []), at) for place, job in list(self._jobs.items())]
        self._schedule.asked(self._now(), has_news=any(news), is_answered=True)
        if self._submissions.unanswered or any(job.suspicion is not None for job in self._jobs.values()):
            self._schedule.ask_soon(self._now())
        late = [job.missing_since for job in self._jobs.values() if job.missing_since is not None]
        if late:
            self._schedule.ask_by(min(late) + self._options.grace_seconds)

    def _take_answers(self, job: StepJob, answers: Sequence[Job], at: float) -> bool:
        """Note what the answer has of a job; whether that is something new."""
        if not answers:
            if job.missing_since is None:
                job.missing_since = at
            if self._is_stopping or at - job.missing_since >= self._options.grace_seconds:
                self._died(job, None)
                return True
            return False
        answer = self._only(job, answers)
        is_new = job.take_answer(answer, at)
        over_seconds = 0.0 if job.missing_since is None else at - job.missing_since
        is_late = over_seconds >= self._options.grace_seconds
        may_be_dying = job.start is not None and job.suspicion is None and not self._is_stopping
        match answer.phase:
            case Phase.KILLED if may_be_dying and over_seconds < min(_DYING_SECONDS, self._options.grace_seconds):
                self._schedule.ask_soon(self._now())
            case Phase.KILLED:
                self._died(job, answer)
            case Phase.EXITED if job.suspicion is not None or is_late or self._is_stopping:
                self._died(job, answer)
            case Phase.WAITING if self._is_stopping and not self._to_cancel:
                self._died(job, answer)
            case _:
                pass
        return is_new

    def _only(self, job: StepJob, answers: Sequence[Job]) -> Job:
        """The job of the step, if a submission was carried out twice; the others are cancelled."""
        if len(answers) == 1:
            return answers[0]
        claimant = self._folder.claimant(job.batch, job.index)
        chosen = next((answer for answer in answers if answer.id == claimant), answers[0])
        self._to_cancel += [one.id for one in answers if one.id != chosen.id and one.phase in _ALIVE]
        return chosen

    # --- stopping

    def _stop_all(self) -> None:
        """Cancel the jobs once; later turns wait for their end."""
        for submitted in self._submissions.requests.clear():
            submitted.future.cancel()
        if self._stop_until:
            return
        self._folder.stop()
        self._stop_until = self._now() + _STOP_SECONDS
        self._to_cancel += [job.id for job in self._jobs.values() if job.id]
        self._schedule.hurry(self._now())

    def _interrupt(self, job: StepJob) -> None:
        if job.start is None:
            job.submitted.future.cancel()  # it never started
        else:
            job.submitted.future.set_exception(TaskFailed("interrupted"))

    def _cancel_due(self) -> None:
        """Cancel what is to be cancelled; without an answer again later."""
        ids = [job for job in dict.fromkeys(self._to_cancel) if job not in self._cancelled]
        if not ids:
            self._to_cancel.clear()
            return
        try:
            self._system.cancel(ids)
        except NoAnswer as error:
            self._parts.silent(error)
            self._schedule.ask_soon(self._now())
        else:
            self._cancelled |= set(ids)
            self._to_cancel.clear()

    def _leave(self) -> None:
        """Leave the jobs that did not end in time; none of them starts a step any more."""
        ids = ", ".join(job.id or f"of batch {job.batch}" for job in self._all_jobs()[:10])
        if ids:
            self.leaves_jobs = True
            message = f"jobs of the run did not end in {_STOP_SECONDS:.0f} s, or {self._options.system} does not answer"
            self._reentry.report(Warned(f"{message}: {ids}"))
        for job in self._all_jobs():
            self._interrupt(job)
        self._jobs.clear()
        self._submissions.unanswered.clear()
        self._to_cancel.clear()
