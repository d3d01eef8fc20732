"""Durations and sizes as people read them everywhere but in the run log."""

from typing import Final

_SIZE_UNITS: Final = ("B", "kB", "MB", "GB", "TB")


def elapsed(seconds: float) -> str:
    """A duration such as `0.4 ms`, `12 ms`, `1.6 s`, `36 s`, `3 m 05 s`, `2 h 10 m` or `3 d 4 h`; a negative one reads as zero."""
    seconds = max(seconds, 0.0)
    if round(seconds, 4) < 0.01:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if round(seconds, 3) < 1 else elapsed_so_far(seconds)


def elapsed_so_far(seconds: float) -> str:
    """A duration that still grows, in the same form without milliseconds."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, seconds_left = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} m {seconds_left:02} s"
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left:02} m" if hours < 24 else f"{hours // 24} d {hours % 24} h"


def size(number: float) -> str:
    """A number of bytes such as `12 B` or `3.4 MB`."""
    for unit in _SIZE_UNITS[:-1]:
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} {_SIZE_UNITS[-1]}"
