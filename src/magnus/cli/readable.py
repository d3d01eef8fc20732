"""Times, durations and sizes as people read them. Used by the commands that show runs."""

from datetime import datetime, timedelta
from typing import Final

from magnus.app.durations import elapsed
from magnus.run_log.records import Status
from magnus.run_log.summary import Gone, RunStatus

_UNITS: Final = ("B", "kB", "MB", "GB", "TB")


def duration(took: timedelta | None) -> str:
    """As `app.durations` has it; "" for None."""
    return "" if took is None else elapsed(took.total_seconds())


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
