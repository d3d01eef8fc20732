"""Times, durations and statuses of runs as people read them."""

from datetime import datetime, timedelta

from magnus.app.text.palette import Style, style_of
from magnus.app.text.units import elapsed
from magnus.run_log.records import RunStatus


def duration(took: timedelta | None) -> str:
    """The duration, or "" for None."""
    return "" if took is None else elapsed(took.total_seconds())


def moment(when: datetime | None) -> str:
    """The time in UTC, to the second."""
    return when.isoformat(" ")[:19] if when else ""


def minute(when: datetime | None) -> str:
    """The time in UTC, to the minute."""
    return moment(when)[:16]


def last_heard(when: datetime, workflow: str) -> str:
    """The workflow and the last record of a running run of another engine."""
    return f"the engine runs it as {workflow}; last heard of at {moment(when)} UTC"


def style(status: RunStatus) -> Style:
    """The style of a status on a terminal."""
    return style_of(status)
