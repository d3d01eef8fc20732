"""The most memory that this process has had, or one that it started and waited for."""

import resource
import sys
from typing import Final

_UNIT_BYTES: Final = 1 if sys.platform == "darwin" else 1024
"""Of `ru_maxrss` in getrusage(2): KiB on Linux, bytes on macOS."""


def peak_memory() -> int:
    """Resident memory in bytes: the peak of the largest one of these processes, not their sum."""
    peaks = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(peaks) * _UNIT_BYTES
