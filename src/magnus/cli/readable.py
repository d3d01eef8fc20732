"""Times, durations and sizes as people read them. Used by the commands that show runs."""

from datetime import datetime, timedelta
from typing import Final

from magnus.run_log.records import Status
from magnus.run_log.summary import Gone, RunStatus

_UNITS: Final = ("B", "kB", "MB", "GB", "TB")


def duration(took: timedelta | None) -> str:
    """Such as `0.4 ms`, `12 ms`, `12.3 s`, `3 min 05 s`, `2 h 10 min` or `3 d 4 h`; "" for None."""
    if took is None:
        return ""
    seconds = max(took.total_seconds(), 0)
    if round(seconds, 4) < 0.01:
        return f"{seconds * 1000:.1f} ms"
    if round(seconds, 3) < 1:
        return f"{seconds * 1000:.0f} ms"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole // 60 % 60:02} min"
    return f"{whole // 86_400} d {whole // 3600 % 24} h"


def moment(when: datetime | None) -> str:
    """To the second, without the offset, which is that of UTC."""
    return when.isoformat(" ")[:19] if when else ""


def minute(when: datetime | None) -> str:
    """To the minute, likewise."""
    return moment(when)[:16]


def size(number: float) -> str:
    """Bytes, such as `12 B` or `3.4 MB`."""
    for unit in _UNITS[:-1]:
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} {_UNITS[-1]}"


def one_line(text: str) -> str:
    """The text on one line, with what cannot be printed escaped."""
    return text if text.isprintable() else repr(text)[1:-1]


def style(status: RunStatus) -> str:
    """How a status is coloured on a terminal."""
    match status:
        case Status.SUCCESS:
            return "green"
        case Status.FAIL | Gone.DAMAGED:
            return "bold red"
        case Gone.LOST:
            return "yellow"
        case Status.CREATED | Status.TRIGGERED | Status.PROCESSING:
            return "cyan"
