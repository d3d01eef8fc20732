"""Reporters that stand before others. Used where a run gets its reporter."""

from threading import Lock

from magnus.interfaces.reporter import Event, Reporter, Warned


class Quiet:
    """Shows nothing, where nobody looks."""

    def report(self, event: Event) -> None:
        """Show nothing."""


class OneAtATime:
    """Hands events of any thread to a reporter, one at a time, and what is to be said once only once."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._lock = Lock()
        self._said: set[str] = set()

    def report(self, event: Event) -> None:
        """Show the event when its turn comes."""
        with self._lock:
            if isinstance(event, Warned) and event.once:
                if event.once in self._said:
                    return
                self._said.add(event.once)
            self._reporter.report(event)
