"""One run at a time has its steps in this process: they share environment, working directory and standard streams."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Final

from magnus.engine.processes import forks
from magnus.errors import InvalidInput

_LOCK: Final = RLock()


@contextmanager
def claimed() -> Iterator[None]:
    """Hold this process for the steps of one run; a task may run a pipeline itself, in its own thread.

    Raises InvalidInput when a run has its steps here in another thread.
    """
    if not _LOCK.acquire(blocking=False):
        message = "another run has its steps in this process now, in another thread"
        fix = "wait for it, or let this one have workers: executor: {type: local, config: {enable_parallel: true}}"
        raise InvalidInput(message, fix=fix)
    try:
        with forks.dropped(_LOCK._at_fork_reinit):  # type: ignore[attr-defined]  # noqa: SLF001 - as the library does
            yield
    finally:
        _LOCK.release()
