"""When to look for marks, and when to ask the batch system: seldom, and sooner if something looks suspicious. Pure."""

from typing import Final

__all__ = ["Schedule"]

_FIRST_LOOK_SECONDS: Final = 0.05
_LONGEST_LOOK_SECONDS: Final = 1.0
_EVENTS_SECONDS: Final = 0.3
"""While a step reports something."""
_FIRST_ASK_SECONDS: Final = 5.0
"""After the first submission: to show why jobs wait."""
_SOON_SECONDS: Final = 1.0


class Schedule:
    """The times of the next look and of the next question, in monotonic seconds."""

    def __init__(self, poll_seconds: float, longest_poll_seconds: float, at: float) -> None:
        self._poll_seconds = poll_seconds
        self._longest_seconds = max(poll_seconds, longest_poll_seconds)
        self._interval = poll_seconds
        self._look_seconds = _FIRST_LOOK_SECONDS
        self._next_look = at
        self._next_ask = at + min(_FIRST_ASK_SECONDS, poll_seconds)
        self._last_ask: float | None = None
        self._soon_seconds = min(_SOON_SECONDS, poll_seconds)
        self._is_sooner = False

    def next_time(self) -> float:
        """When something is due."""
        return min(self._next_look, self._next_ask)

    def look_is_due(self, at: float) -> bool:
        """Whether it is time to look for marks."""
        return at >= self._next_look

    def ask_is_due(self, at: float) -> bool:
        """Whether it is time to ask for the states of jobs."""
        return at >= self._next_ask

    def looked(self, at: float, *, has_marks: bool, has_events: bool) -> None:
        """Note a look; the next one is later if there was nothing, by a tenth of the time without anything."""
        longest = _EVENTS_SECONDS if has_events else _LONGEST_LOOK_SECONDS
        self._look_seconds = _FIRST_LOOK_SECONDS if has_marks else min(1.1 * self._look_seconds, longest)
        self._next_look = at + self._look_seconds

    def asked(self, at: float, *, has_news: bool, is_answered: bool) -> None:
        """Note a question; the next one is later if there was no answer, or nothing new."""
        self._last_ask = at
        if not self._is_sooner:
            self._soon_seconds = min(_SOON_SECONDS, self._poll_seconds)
        self._is_sooner = False
        self._interval = self._poll_seconds if has_news else min(1.5 * self._interval, self._longest_seconds)
        self._next_ask = at + self._interval
        if not is_answered:
            self.ask_soon(at)

    def submitted(self, at: float) -> None:
        """Note a submission: jobs may start at once."""
        self._look_seconds = _FIRST_LOOK_SECONDS
        self._next_look = min(self._next_look, at + self._look_seconds)
        self._interval = self._poll_seconds
        first = at + min(_FIRST_ASK_SECONDS, self._poll_seconds)
        earliest = first if self._last_ask is None else max(first, self._last_ask + self._poll_seconds)
        self._next_ask = min(self._next_ask, earliest) if self._next_ask >= at else earliest

    def ask_soon(self, at: float) -> None:
        """Ask sooner, since something looks suspicious; each time later than before, until it is the usual time."""
        earliest = at if self._last_ask is None else max(at, self._last_ask + self._soon_seconds)
        if earliest < self._next_ask:
            self._next_ask, self._is_sooner = earliest, True
            self._soon_seconds = min(2 * self._soon_seconds, self._poll_seconds)

    def ask_by(self, at: float) -> None:
        """Ask at this time at the latest."""
        self._next_ask = min(self._next_ask, at)

    def hurry(self, at: float) -> None:
        """Ask and look at once, and often: the run stops, and waits for the end of its jobs."""
        self._poll_seconds = self._interval = self._longest_seconds = min(_SOON_SECONDS, self._poll_seconds)
        self._next_ask = self._next_look = at
        self._look_seconds = _FIRST_LOOK_SECONDS
