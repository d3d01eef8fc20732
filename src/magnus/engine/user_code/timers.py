"""Ends the timers that a task leaves running: they would ring in a later step. Used by `engine.user_code.process_state`."""

import sys
import time
from _signal import (  # type: ignore[import-not-found]  # loads less than `signal`
    ITIMER_PROF,
    ITIMER_REAL,
    ITIMER_VIRTUAL,
    SIGPROF,
    SIGVTALRM,
    getitimer,
    getsignal,
    setitimer,
)
from typing import Any, Final

_SLACK_SECONDS: Final = 0.1
_SHORTEST_SECONDS: Final = 1e-6
_OFF: Final = (0.0, 0.0)


class Timers:
    """The alarm of the process as it is now: a program that runs a pipeline may have set one."""

    def __init__(self) -> None:
        self._handlers = _handlers()
        self._before = getitimer(ITIMER_REAL)
        self._at = 0.0 if self._before == _OFF else time.monotonic()

    def cancel(self) -> None:
        """Cancel what was set since; an alarm that was set before stays."""
        if "faulthandler" in sys.modules:
            sys.modules["faulthandler"].cancel_dump_traceback_later()
        if self._handlers != _handlers():  # the task sets a timer for them, or it had ended the process
            setitimer(ITIMER_VIRTUAL, 0)
            setitimer(ITIMER_PROF, 0)
        now = getitimer(ITIMER_REAL)
        if now == self._before:
            return
        before, passed = self._before, time.monotonic() - self._at
        if before == _OFF:
            setitimer(ITIMER_REAL, 0)
        elif _is_another(before, now, passed):
            setitimer(ITIMER_REAL, max(before[0] - passed, _SHORTEST_SECONDS), before[1])


def _handlers() -> tuple[Any, Any]:
    return getsignal(SIGVTALRM), getsignal(SIGPROF)


def _is_another(before: tuple[float, float], after: tuple[float, float], passed: float) -> bool:
    """Whether it is not the one that ran before; one that rings again and again may be anywhere."""
    if before[1] or after[1]:
        return before[1] != after[1]
    return not before[0] - passed - _SLACK_SECONDS <= after[0] <= before[0]
