"""The options of the base of batch systems, which an executor makes of the options of its users."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

__all__ = ["JobOptions"]


def _no_setup(_override: str) -> Sequence[str]:
    return ()


def _this_python(_override: str) -> Sequence[str]:
    return (sys.executable, "-m", "magnus")


class JobOptions(Struct, frozen=True):
    """How the jobs of a run are written, submitted and watched.

    Attributes:
        folder: for the files of jobs, below the working directory or absolute. All machines see it at the same place.
        system: the name of the batch system in messages.
        max_jobs: the most jobs at a time, waiting ones among them.
        poll_seconds: the time between two questions for the states of jobs.
        longest_poll_seconds: the same, of a run in which nothing happens.
        grace_seconds: after this time the mark of a job is not late any more, but missing.
        window_seconds: requests that follow each other faster than this are submitted together.
        submit_pause_seconds: the least time between two submissions.
        together: the overrides with which one job runs a composite with all its branches.
        setup: the lines of shell that come before a step, by the name of its override.
        program: the argv that starts magnus in a job, likewise.
    """

    folder: Path
    system: str = "the batch system"
    max_jobs: int = 1000
    poll_seconds: float = 30.0
    longest_poll_seconds: float = 120.0
    grace_seconds: float = 60.0
    window_seconds: float = 0.05
    submit_pause_seconds: float = 1.0
    together: frozenset[str] = frozenset()
    setup: Callable[[str], Sequence[str]] = _no_setup
    program: Callable[[str], Sequence[str]] = _this_python
