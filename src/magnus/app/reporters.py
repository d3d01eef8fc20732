"""Reporters that stand before others. Used where a run gets its reporter."""

from threading import Lock

from magnus.interfaces.reporter import Event, Reporter


class OneAtATime:
    """Hands events of any thread to a reporter, one at a time."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._lock = Lock()

    def report(self, event: Event) -> None:
        """Show the event when its turn comes."""
        with self._lock:
            self._reporter.report(event)
