"""Handles SIGTERM in a process that runs a part of a run: an eviction, which is no stop by the user.

The contract of re-entry commands, and of workers of the local executor:

- SIGTERM means an eviction (preemption, spot reclaim, `docker stop`, node drain, a time limit). The attempt is recorded as
  lost, its output is kept, and processes of the task are stopped. The step stays open (PROCESSING, with the reason as its
  message) for the next process of the step, and this process exits with 143.
- SIGINT is the user's stop: the step has failed with the message `interrupted`, and the process exits with 130. An
  executor that cancels a run sends it. In the process of `magnus execute` itself both signals are the user's stop.
- The options of the re-entry command say how lost attempts count: a plain command counts each among `max_attempts`; with
  `--one-attempt` none counts, since the engine limits how often it starts the command.
- If no process continues a step, the next process of the run records it as failed: the process of the step that its failure
  leads to, of the end of its branch, or of the end of the run.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

LOST: Final = "lost: its process was evicted before it finished (SIGTERM)"
"""The message of an attempt that an eviction stopped."""


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
