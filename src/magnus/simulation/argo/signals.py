"""Ctrl-C and SIGTERM while a workflow is simulated: the first one stops the workflow in good order, the next one at once."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType
from typing import Any, Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """What arrived; `signal` is which one, None for nothing."""

    def __init__(self, before: dict[signal.Signals, Any]) -> None:
        self.signal: signal.Signals | None = None
        self._before = before
        self._stop: Callable[[], None] | None = None
        self._main: asyncio.Task[Any] | None = None

    def begin(self, stop: Callable[[], None]) -> None:
        """From now on a signal calls `stop`, and the next one cancels the task that runs."""
        self._stop = stop
        self._main = asyncio.current_task()
        for number in self._before:
            asyncio.get_running_loop().add_signal_handler(number, self._take, number)

    def pass_on(self) -> None:
        """Do what the signal would have done without this."""
        if self.signal is None:
            return
        handler: Callable[[int, FrameType | None], Any] | int | None = self._before[self.signal]
        if callable(handler):
            handler(self.signal, None)
        raise KeyboardInterrupt

    def _take(self, number: signal.Signals) -> None:
        assert self._stop is not None
        if self.signal is None:
            self.signal = number
            self._stop()
        elif self._main is not None:
            self._main.cancel()


@contextmanager
def stopped_by_signals() -> Iterator[Stopping]:
    """What is to be done about signals in a loop that is run inside; handlers are as they were afterwards."""
    before: dict[signal.Signals, Any] = {}
    if current_thread() is main_thread():
        before = {number: signal.getsignal(number) for number in _SIGNALS}
    stopping = Stopping(before)
    try:
        yield stopping
    except asyncio.CancelledError:
        _restore(before)
        stopping.pass_on()
        raise
    finally:
        _restore(before)


def _restore(before: dict[signal.Signals, Any]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)
