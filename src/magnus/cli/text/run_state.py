"""Times, durations and sizes as people read them. Used by the commands that show runs."""

from datetime import datetime, timedelta

from magnus.app.text.palette import Style, style_of
from magnus.app.text.units import elapsed
from magnus.run_log.summary import RunStatus


def duration(took: timedelta | None) -> str:
    """As `app.text.units` has it; "" for None."""
    return "" if took is None else elapsed(took.total_seconds())


def moment(when: datetime | None) -> str:
    """To the second, without the offset, which is that of UTC."""
    return when.isoformat(" ")[:19] if when else ""


def minute(when: datetime | None) -> str:
    """To the minute, likewise."""
    return moment(when)[:16]


def heard(when: datetime, workflow: str) -> str:
    """The workflow and the last record of a running run of another engine."""
    return f"the engine runs it as {workflow}; last heard of at {moment(when)} UTC"


def style(status: RunStatus) -> Style:
    """How a status is coloured on a terminal."""
    return style_of(status)
