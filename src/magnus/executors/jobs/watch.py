"""What the thread of an executor of jobs does: submits batches, looks for marks, asks for deaths, and cancels.

All calls of the batch system are made here, one at a time. An answer that does not come says nothing: no job is over, and
none is submitted again. Times are monotonic seconds.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from magnus.errors import MagnusError, TaskFailed
from magnus.executors.jobs import ledger, outcome
from magnus.executors.jobs.batch_system import Batch, BatchSystem, Full, Job, Limits, NoAnswer, Phase, Refused
from magnus.executors.jobs.options import JobOptions
from magnus.executors.jobs.requests import Requests, Submitted
from magnus.executors.jobs.run_folder import RunFolder
from magnus.executors.jobs.schedule import Schedule
from magnus.executors.jobs.script import JobScript
from magnus.executors.jobs.step_job import StepJob
from magnus.interfaces.executor import ReentrySpec
from magnus.interfaces.reporter import Warned

__all__ = ["Watch"]

_MOST_READ_AT_ONCE: Final = 64
_SETTLE_SECONDS: Final = 10.0
"""After this time the batch system shows the jobs of a submission whose answer was lost, if it took them."""
_DYING_SECONDS: Final = 5.0
"""The time in which the process of a job that was stopped leaves its mark, unless it was killed or its machine is gone."""
_STOP_SECONDS: Final = 60.0
"""The time in which jobs end that were cancelled."""
_RETRY_SECONDS: Final = 5.0
_MOST_LOSSES: Final = 3
_ALIVE: Final = frozenset({Phase.WAITING, Phase.RUNNING})


class _Unanswered(Struct):
    """A batch whose submission got no answer; `absent_since` is when an answer first showed no job of it."""

    key: str
    jobs: list[StepJob]
    absent_since: float | None = None


class Watch:
    """The jobs of one run. `turn` is called by one thread; `add` and `stop` by any."""

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
        self._arrived: SimpleQueue[Submitted] = SimpleQueue()
        self._requests = Requests(options.window_seconds, options.submit_pause_seconds)
        self._jobs: dict[tuple[str, int], StepJob] = {}
        self._unanswered: list[_Unanswered] = []
        self._schedule = Schedule(options.poll_seconds, options.longest_poll_seconds, now())
        self._limits: Limits | None = None
        self._next_reader = 0
        self._is_stopping = False
        self._stop_until = 0.0
        self._to_cancel: list[str] = []
        self._cancelled: set[str] = set()

    def add(self, submitted: Submitted) -> None:
        """Run the step of a request."""
        self._arrived.put(submitted)

    def stop(self) -> None:
        """Cancel all jobs; the following turns do it."""
        self._is_stopping = True

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits or runs."""
        waiting = len(self._requests) or not self._arrived.empty()
        return not (self._jobs or self._unanswered or self._to_cancel or waiting)

    def turn(self) -> float | None:
        """Do what is due; the time of the next turn at the latest, None if only a request can change anything."""
        self._take_arrived()
        if self._is_stopping:
            self._stop_all()
        else:
            self._submit_due()
        self._cancel_due()
        if self._schedule.look_is_due(self._now()):
            self._look()
        if (self._jobs or self._unanswered) and self._schedule.ask_is_due(self._now()):
            self._ask()
        self._cancel_due()
        if self._stop_until and self._now() > self._stop_until:
            self._leave()
        return self._next_turn()

    def fail(self, error: BaseException) -> None:
        """Let all futures fail, since the thread cannot continue; jobs are cancelled if that can be done."""
        self._take_arrived()
        self._folder.stop()
        with suppress(Exception):  # the error that is on its way matters more
            self._system.cancel([job.id for job in self._all_jobs() if job.id])
        for submitted in [*self._requests.clear(), *(job.submitted for job in self._all_jobs())]:
            submitted.future.set_exception(error)
        self._jobs.clear()
        self._unanswered.clear()
        self._to_cancel.clear()

    def _all_jobs(self) -> list[StepJob]:
        return [*self._jobs.values(), *(job for batch in self._unanswered for job in batch.jobs)]

    def _next_turn(self) -> float | None:
        if self._jobs or self._unanswered or self._to_cancel:
            times = [self._schedule.next_time(), self._requests.due()]
        else:
            times = [self._requests.due()]
        return min((time for time in times if time is not None), default=None)

    def _take_arrived(self) -> None:
        with suppress(Empty):
            while True:
                self._requests.add(self._arrived.get_nowait(), self._now())

    # --- submitting

    def _submit_due(self) -> None:
        due = self._requests.due()
        if due is None or due > self._now() or not self._has_limits():
            return
        assert self._limits is not None
        self._submit(self._requests.take(self._limits.batch))

    def _has_limits(self) -> bool:
        if self._limits is None:
            try:
                self._limits = self._system.limits()
            except NoAnswer as error:
                self._silent(error)
                self._requests.wait(self._now() + _RETRY_SECONDS)
            except Refused as error:
                self._refuse(self._requests.clear(), error)
        return self._limits is not None

    def _submit(self, taken: Sequence[Submitted]) -> None:
        key = f"m{os.urandom(6).hex()}"
        jobs = [StepJob(one, key, index, self._reentry.report) for index, one in enumerate(taken)]
        try:
            batch = self._batch(key, taken)
        except OSError as error:
            message = f"the folder of jobs '{self._folder.private}' cannot be written: {error.strerror}"
            self._refuse(taken, TaskFailed(message, fix="let it be in a folder that you can write on all machines"))
            return
        try:
            ids = self._system.submit(batch)
        except Full:
            self._requests.put_back(taken)
            self._requests.no_room(len(taken), self._now())
        except Refused as error:
            self._refuse(taken, error)
        except NoAnswer as error:
            self._silent(error)
            self._unanswered.append(_Unanswered(key, jobs))
            self._schedule.ask_soon(self._now())
        else:
            self._requests.submitted(self._now())
            self._schedule.submitted(self._now())
            self._watch(key, jobs, dict(ids))

    def _batch(self, key: str, taken: Sequence[Submitted]) -> Batch:
        """Write the script of a batch, and the batch into the ledger. OSError."""
        override, reentry, options = taken[0].override, self._reentry, self._options
        program = options.program(override)
        script = JobScript(
            key,
            reentry.run_id,
            self._folder.private,
            reentry.working_directory,
            options.setup(override),
            [[*program, *reentry.command(one.request)[1:]] for one in taken],
        )
        file = self._folder.write_script(script)
        ledger.add_batch(self._folder, key, [one.request.path for one in taken])
        titles = [str(one.request.path) for one in taken]
        return Batch(key, reentry.run_id, titles, file, override, self._folder.logs)

    def _watch(self, key: str, jobs: Sequence[StepJob], ids: dict[int, str]) -> None:
        """Watch the jobs of a batch that was submitted."""
        with suppress(OSError):  # then the key finds them
            ledger.add_ids(self._folder, key, ids)
        for job in jobs:
            job.id = ids.get(job.index, "")
            self._jobs[job.batch, job.index] = job
            job.report_waiting()

    def _refuse(self, taken: Sequence[Submitted], error: MagnusError) -> None:
        [problem] = error.problems
        for one in taken:
            one.future.set_exception(TaskFailed(problem.message, fix=problem.fix))

    def _silent(self, error: NoAnswer) -> None:
        message = f"{self._options.system} does not answer, and the run waits for it: {error.problems[0].message}"
        self._reentry.report(Warned(message, once=f"{self._options.system} is silent"))

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
        unanswered = {batch.key for batch in self._unanswered}
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
            self._requests.add(replace(job.submitted, losses=job.submitted.losses + 1), self._now())
        elif answer is None:
            job.submitted.future.set_exception(outcome.gone(job, output, system))
        elif answer.phase is Phase.KILLED:
            job.submitted.future.set_exception(outcome.killed(job, answer, output, system))
        elif job.suspicion is not None and job.suspicion.status is not None:
            died = outcome.died_by_signal(job, job.suspicion.status, output, system)
            job.submitted.future.set_exception(died)
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
        self._requests.room_again(self._now())

    # --- asking

    def _ask(self) -> None:
        at = self._now()
        try:
            answers = self._system.jobs(self._reentry.run_id)
        except NoAnswer as error:
            self._silent(error)
            self._schedule.asked(self._now(), has_news=False, is_answered=False)
            return
        by_place: dict[tuple[str, int], list[Job]] = {}
        for answer in answers:
            by_place.setdefault((answer.batch, answer.index), []).append(answer)
        if self._is_stopping:  # also what a submission made that was carried out twice
            self._to_cancel += [answer.id for answer in answers if answer.phase in _ALIVE]
        self._look()  # marks that were left before the answer
        self._resolve_unanswered(by_place, at)
        news = [self._take_answers(job, by_place.get(place, []), at) for place, job in list(self._jobs.items())]
        self._schedule.asked(self._now(), has_news=any(news), is_answered=True)
        if self._unanswered or any(job.suspicion is not None for job in self._jobs.values()):
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

    def _resolve_unanswered(self, by_place: dict[tuple[str, int], list[Job]], at: float) -> None:
        """Find the jobs of submissions that got no answer; if there are none, submit again."""
        unanswered, self._unanswered = self._unanswered, []
        for batch in unanswered:
            ids = {index: jobs[0].id for (key, index), jobs in by_place.items() if key == batch.key}
            if ids:
                self._schedule.submitted(self._now())
                self._watch(batch.key, batch.jobs, ids)
            elif batch.absent_since is None:
                batch.absent_since = at
                self._unanswered.append(batch)
            elif at - batch.absent_since < min(_SETTLE_SECONDS, self._options.grace_seconds):
                self._unanswered.append(batch)
            else:
                self._give_up(batch)

    def _give_up(self, batch: _Unanswered) -> None:
        """The batch system did not take the batch; should its jobs come yet, they run nothing."""
        for job in batch.jobs:
            self._folder.revoke(batch.key, job.index)
        if self._is_stopping:
            for job in batch.jobs:
                job.submitted.future.cancel()
        else:
            self._requests.put_back([job.submitted for job in batch.jobs])

    # --- stopping

    def _stop_all(self) -> None:
        """Cancel the jobs once; later turns wait for their end."""
        for submitted in self._requests.clear():
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
            self._silent(error)
            self._schedule.ask_soon(self._now())
        else:
            self._cancelled |= set(ids)
            self._to_cancel.clear()

    def _leave(self) -> None:
        """Leave the jobs that did not end in time; none of them starts a step any more."""
        ids = ", ".join(job.id or f"of batch {job.batch}" for job in self._all_jobs()[:10])
        if ids:
            message = f"jobs of the run did not end in {_STOP_SECONDS:.0f} s, or {self._options.system} does not answer"
            self._reentry.report(Warned(f"{message}: {ids}"))
        for job in self._all_jobs():
            self._interrupt(job)
        self._jobs.clear()
        self._unanswered.clear()
        self._to_cancel.clear()
