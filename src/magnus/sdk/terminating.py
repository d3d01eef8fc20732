"""SIGTERM to a program that executes a pipeline: the run ends as with Ctrl-C, and then the program as it would have."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType


class _Terminated(KeyboardInterrupt):
    """SIGTERM arrived."""


@contextmanager
def terminable() -> Iterator[None]:
    """Interrupt what is inside on SIGTERM, where that has its default action, and let it have that afterwards.

    What the program itself has set is left alone. Only the main thread can do this; in others nothing changes.
    """
    if current_thread() is not main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except _Terminated:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)  # ends the process
        raise
    finally:
        if signal.getsignal(signal.SIGTERM) is _terminate:  # the program may have set another one meanwhile
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise _Terminated
