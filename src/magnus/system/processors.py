"""How many processors this process may use: those it is bound to, and no more than the limit of its container."""

import os
from pathlib import Path
from typing import Final

_LIMIT: Final = Path("/sys/fs/cgroup/cpu.max")
_LIMIT_OF_V1: Final = (
    Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
    Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)


def processors() -> int:
    """The number of processors, at least 1. A limit of a container is rounded up."""
    limit = _limit()
    bound = _bound()
    return bound if limit is None else max(1, min(bound, limit))


def _bound() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1


def _limit() -> int | None:
    """The processors that the control group allows, in version 2 or 1 of its files; None without a limit."""
    try:
        quota, period = _LIMIT.read_text().split() if _LIMIT.exists() else (file.read_text() for file in _LIMIT_OF_V1)
        return -(-int(quota) // int(period)) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # "max" is no number
        return None
