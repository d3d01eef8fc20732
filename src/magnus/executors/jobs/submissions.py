"""Submits requests in batches, and finds out what became of submissions that got no answer.

Used by `watch`, in its thread. Times are monotonic seconds.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final

from msgspec import Struct

from magnus.errors import MagnusError, TaskFailed
from magnus.executors.jobs import ledger
from magnus.executors.jobs.batch_system import Batch, BatchSystem, Full, Job, Limits, NoAnswer, Refused
from magnus.executors.jobs.options import JobOptions
from magnus.executors.jobs.requests import Requests, Submitted
from magnus.executors.jobs.run_folder import RunFolder
from magnus.executors.jobs.schedule import Schedule
from magnus.executors.jobs.script import JobScript
from magnus.executors.jobs.step_job import StepJob
from magnus.interfaces.executor import ReentrySpec
from magnus.interfaces.reporter import Warned

__all__ = ["RunParts", "Submissions", "Unanswered"]

_SETTLE_SECONDS: Final = 10.0
"""After this time the batch system shows the jobs of a submission whose answer was lost, if it took them."""
_RETRY_SECONDS: Final = 5.0


class RunParts(Struct, frozen=True):
    """What submissions and the watch of a run share."""

    system: BatchSystem
    options: JobOptions
    reentry: ReentrySpec
    folder: RunFolder
    schedule: Schedule
    now: Callable[[], float]

    def silent(self, error: NoAnswer) -> None:
        """Warn, once in a run, that the batch system does not answer."""
        message = f"{self.options.system} does not answer, and the run waits for it: {error.problems[0].message}"
        self.reentry.report(Warned(message, once=f"{self.options.system} is silent"))


class Unanswered(Struct):
    """A batch whose submission got no answer; `absent_since` is when an answer first showed no job of it."""

    key: str
    jobs: list[StepJob]
    absent_since: float | None = None


class Submissions:
    """The requests of a run on their way to the batch system. `watch` gets the jobs of each batch that was submitted.

    Attributes:
        requests: the requests that wait.
        unanswered: the batches whose submission got no answer.
        keys: of all batches; the batch system may also have jobs of a run of another folder that has the same id.
    """

    def __init__(self, parts: RunParts, watch: Callable[[Sequence[StepJob]], None]) -> None:
        self._parts = parts
        self._watch = watch
        self._arrived: SimpleQueue[Submitted] = SimpleQueue()
        self._limits: Limits | None = None
        self.requests = Requests(parts.options.window_seconds, parts.options.submit_pause_seconds)
        self.unanswered: list[Unanswered] = []
        self.keys: set[str] = set()

    def add(self, submitted: Submitted) -> None:
        """Run the step of a request; may be called by any thread."""
        self._arrived.put(submitted)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits."""
        return not (self.unanswered or len(self.requests) or not self._arrived.empty())

    def take_arrived(self) -> None:
        """Let the requests wait that were added."""
        with suppress(Empty):
            while True:
                self.requests.add(self._arrived.get_nowait(), self._parts.now())

    def submit_due(self) -> None:
        """Submit the next batch, if it is time."""
        due = self.requests.due()
        if due is None or due > self._parts.now() or not self._has_limits():
            return
        assert self._limits is not None
        taken = self.requests.take(self._limits.batch)
        try:
            self._submit(taken)
        except BaseException:
            self.requests.put_back(taken)  # a fault: the futures of these fail too
            raise

    def _has_limits(self) -> bool:
        if self._limits is None:
            try:
                self._limits = self._parts.system.limits()
            except NoAnswer as error:
                self._parts.silent(error)
                self.requests.wait(self._parts.now() + _RETRY_SECONDS)
            except Refused as error:
                self._refuse(self.requests.clear(), error)
        return self._limits is not None

    def _submit(self, taken: Sequence[Submitted]) -> None:
        key = ledger.new_key()
        self.keys.add(key)
        jobs = [StepJob(one, key, index, self._parts.reentry.report) for index, one in enumerate(taken)]
        try:
            ids = self._parts.system.submit(self._batch(key, taken))
        except OSError as error:
            message = f"the folder of jobs '{self._parts.folder.private}' cannot be written: {error.strerror}"
            self._refuse(taken, TaskFailed(message, fix="let it be in a folder that you can write on all machines"))
        except Full:
            self.requests.put_back(taken)
            self.requests.no_room(len(taken), self._parts.now())
        except Refused as error:
            self._refuse(taken, error)
        except NoAnswer as error:
            self._parts.silent(error)
            self.unanswered.append(Unanswered(key, jobs))
            self._parts.schedule.ask_soon(self._parts.now())
        else:
            self.requests.submitted(self._parts.now())
            self._submitted(key, jobs, ids)

    def _batch(self, key: str, taken: Sequence[Submitted]) -> Batch:
        """Write the script of a batch, and the batch into the ledger. OSError."""
        parts, override = self._parts, taken[0].override
        reentry, options = parts.reentry, parts.options
        program = options.program(override)
        script = JobScript(
            key,
            reentry.run_id,
            self._parts.folder.private,
            reentry.working_directory,
            options.setup(override),
            [[*program, *reentry.command(one.request)[1:]] for one in taken],
        )
        file = self._parts.folder.write_script(script)
        ledger.add_batch(parts.folder, key, [one.request.path for one in taken])
        titles = [str(one.request.path) for one in taken]
        return Batch(key, reentry.run_id, titles, file, override, self._parts.folder.logs)

    def _refuse(self, taken: Sequence[Submitted], error: MagnusError) -> None:
        [problem] = error.problems
        for one in taken:
            one.future.set_exception(TaskFailed(problem.message, fix=problem.fix))

    def _submitted(self, key: str, jobs: Sequence[StepJob], ids: Mapping[int, str]) -> None:
        """The jobs of a batch have ids."""
        with suppress(OSError):  # then the key finds them
            ledger.add_ids(self._parts.folder, key, ids)
        for job in jobs:
            job.id = ids.get(job.index, "")
            job.report_waiting()
        self._parts.schedule.submitted(self._parts.now())
        self._watch(jobs)

    def resolve(self, by_place: Mapping[tuple[str, int], Sequence[Job]], at: float, *, is_stopping: bool) -> None:
        """Find the jobs of submissions that got no answer; if there are none, submit again."""
        unanswered, self.unanswered = self.unanswered, []
        for batch in unanswered:
            ids = {index: jobs[0].id for (key, index), jobs in by_place.items() if key == batch.key}
            if ids:
                self._submitted(batch.key, batch.jobs, ids)
            elif batch.absent_since is None:
                batch.absent_since = at
                self.unanswered.append(batch)
            elif at - batch.absent_since < min(_SETTLE_SECONDS, self._parts.options.grace_seconds):
                self.unanswered.append(batch)
            else:
                self._give_up(batch, is_stopping=is_stopping)

    def _give_up(self, batch: Unanswered, *, is_stopping: bool) -> None:
        """The batch system did not take the batch; should its jobs come yet, they run nothing. Jobs that just came are watched."""
        claimants = {job.index: self._parts.folder.revoke_unclaimed(batch.key, job.index) for job in batch.jobs}
        if ids := {index: claimant for index, claimant in claimants.items() if claimant}:
            self._submitted(batch.key, [job for job in batch.jobs if job.index in ids], ids)
        absent = [job.submitted for job in batch.jobs if job.index not in ids]
        if is_stopping:
            for submitted in absent:
                submitted.future.cancel()
        else:
            self.requests.put_back(absent)
