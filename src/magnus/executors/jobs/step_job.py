"""One job of a run as the watching thread sees it: what it submitted, and what marks, events and answers said so far."""

from collections.abc import Callable
from typing import Final

from magnus.executors.jobs.batch_system import Job, Phase
from magnus.executors.jobs.requests import Submitted
from magnus.executors.jobs.run_folder import Mark, RunFolder, Start
from magnus.executors.reentry import ReentryOutput, ReentryReader
from magnus.graph.path import StepPath
from magnus.interfaces.reporter import Event, StepEnded, StepWaiting

__all__ = ["StepJob"]

_INTERRUPTED: Final = 130


class StepJob:
    """A job of the run that is not over.

    Attributes:
        submitted: the request and its future.
        batch: the key of its batch, and `index` its place there.
        id: as the batch system names it.
        start: what it noted when it started; None while it waits.
        suspicion: the mark of an end by a signal. Its job may be over, or be requeued.
        missing_since: since when the batch system does not know it, or says that it is over, and no mark is there.
        has_ended: whether magnus in the job reported the end of the step.
    """

    def __init__(self, submitted: Submitted, batch: str, index: int, report: Callable[[Event], None]) -> None:
        self.submitted = submitted
        self.batch = batch
        self.index = index
        self.id = ""
        self.start: Start | None = None
        self.suspicion: Mark | None = None
        self.missing_since: float | None = None
        self.has_ended = False
        self._report = report
        self._reader = ReentryReader(self._take)
        self._offset = 0
        self._shown_reason: str | None = None
        self._last_phase: Phase | None = None

    @property
    def path(self) -> StepPath:
        """The path of its step."""
        return self.submitted.request.path

    def take_mark(self, mark: Mark, folder: RunFolder) -> int | None:
        """Note a mark; the exit status, if it says that the job is over."""
        if self.suspicion is not None and mark.restarts > self.suspicion.restarts:
            self.suspicion = None
        if mark.status is None:
            if self.suspicion is None:
                self.start, self.missing_since, self._shown_reason = folder.start_of(mark), None, None
                self.restart_reader()
            return None
        if mark.status < 128 or mark.status == _INTERRUPTED:
            return mark.status
        self.suspicion = mark
        return None

    def take_answer(self, job: Job, at: float) -> bool:
        """Note what the batch system says of it; whether that is something new.

        A job that was requeued waits again. An answer that says so of a job which has started was given before the start,
        unless the job was requeued since.
        """
        is_new, self._last_phase = job.phase is not self._last_phase, job.phase
        self.id = job.id
        if job.phase in {Phase.WAITING, Phase.RUNNING}:
            self.missing_since = None
            if self.suspicion is not None and job.restarts > self.suspicion.restarts:
                self.suspicion = None
        elif self.missing_since is None:
            self.missing_since = at
        if job.phase is Phase.WAITING and (self.start is None or job.restarts > self.start.restarts):
            self.start = None
            self.report_waiting(job.reason)
        return is_new

    def report_waiting(self, reason: str = "") -> None:
        """Report that it waits, unless that was reported with this reason."""
        if reason != self._shown_reason:
            self._shown_reason = reason
            self._report(StepWaiting(self.path, self.id, reason))

    def read_events(self, folder: RunFolder, *, to_end: bool = False) -> bool:
        """Report what magnus in the job wrote since; whether it wrote anything."""
        before = self._offset
        while data := folder.events(self.batch, self.index, self._offset):
            self._offset += len(data)
            self._reader.feed(data, b"")
            if not to_end:
                break
        return self._offset > before

    def restart_reader(self) -> None:
        """Measure the time of the attempt from now on."""
        self._reader.end()
        self._reader = ReentryReader(self._take)

    def end(self) -> ReentryOutput:
        """What magnus in the job wrote, of the last attempt."""
        return self._reader.end()

    def _take(self, event: Event) -> None:
        if isinstance(event, StepEnded) and event.path == self.path:
            self.has_ended = True
        self._report(event)
