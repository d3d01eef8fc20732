"""The output of a re-entry command: its events are reported, the rest is kept for an error message.

Used by executors that start the command in a container or a job.
"""

import time
from collections.abc import Callable

from msgspec import Struct

from magnus.engine.reentry.protocol import EventLines
from magnus.interfaces.reporter import AttemptFailed, Event, StepOutput, Warned


class ReentryOutput(Struct, frozen=True):
    """The output of a re-entry command that has exited.

    Attributes:
        has_events: whether magnus wrote an event.
        shown_bytes: the size of the output of the step in its last attempt.
        rest: the end of all output that was no event.
        seconds: the duration of the last attempt.
    """

    has_events: bool
    shown_bytes: int
    rest: str
    seconds: float


class ReentryReader:
    """Reads the output of one re-entry command as it arrives, and passes events to `report`."""

    def __init__(self, report: Callable[[Event], None]) -> None:
        self._report = report
        self._lines = EventLines()
        self._shown_bytes = 0
        self._started = time.monotonic()

    def feed(self, out: bytes, error: bytes) -> None:
        """Read a piece of standard output, and one of standard error."""
        self._lines.note(error)
        for event in self._lines.feed(out):
            match event:
                case Warned(path=None, once=""):  # of the pipeline as a whole, and shown before the run
                    continue
                case StepOutput(data=data):
                    self._shown_bytes += len(data)
                case AttemptFailed(retry_in=wait):
                    self._shown_bytes, self._started = 0, time.monotonic() + wait
                case _:
                    pass
            self._report(event)

    def end(self) -> ReentryOutput:
        """The whole output, after the command has exited."""
        rest = self._lines.rest.decode("utf-8", "replace")
        seconds = max(0.0, time.monotonic() - self._started)
        return ReentryOutput(self._lines.heard, self._shown_bytes, rest, seconds)
