"""A place that goes away is no user's stop: what SIGTERM means to a process that runs a part of a run for somebody else.

The contract of re-entry commands, and of workers of the local executor:

- SIGTERM says that the place goes away (eviction, preemption, spot reclaim, `docker stop`, node drain, a time limit). The
  attempt ends as lost, with its output kept and what the task started ended. The step stays open (PROCESSING, with the
  reason as its message) for the next process of the step, and this process exits with 143.
- SIGINT is the user's stop: the step has failed with the message `interrupted`, and the process exits with 130. An
  executor that cancels a run sends it. In the process of `magnus execute` itself both signals are the user's stop.
- Whoever starts processes says how lost attempts count: a plain re-entry command counts each among `max_attempts`; one with
  `--one-attempt` counts none, since the engine bounds how often it starts it.
- A step that nobody goes on with is recorded as failed by whoever comes next: the step that its failure leads to, the end
  of its branch, or the end of the run.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

LOST: Final = "lost: the place where it ran went away before it ended (SIGTERM)"
"""The message of an attempt that ended so."""


class Evicted(KeyboardInterrupt):
    """The place where this process runs goes away."""


def evict(_number: int, _frame: FrameType | None) -> NoReturn:
    """The handler of SIGTERM where it means that."""
    raise Evicted


@contextmanager
def evictable() -> Iterator[None]:
    """Let SIGTERM raise Evicted inside; the process exits with 143 then. For the main thread of a re-entry command."""
    from magnus.interfaces.reentry import EVICTED  # lazy: re-entry alone is evictable

    before = signal.signal(signal.SIGTERM, evict)
    try:
        yield
    except Evicted:
        raise SystemExit(EVICTED) from None
    finally:
        signal.signal(signal.SIGTERM, before)
