"""How long steps took, everywhere the same way. Pure.

A step takes from the start of its first attempt to the end of its last one, waits between them included; a step with
branches from the first start in them to the last end. What surrounds the calls, such as the catalog, is not counted.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from magnus.run_log.records import StepRecord


class Span(Struct, frozen=True):
    """From when to when something was at work, in UTC."""

    start: datetime
    end: datetime

    @property
    def duration(self) -> timedelta:
        """How long that is."""
        return self.end - self.start


def span_of(step: StepRecord) -> Span | None:
    """That of the attempts of a step; None when there was none, and of terminal steps, which take no time."""
    if not step.attempts or step.is_terminal:
        return None
    last = step.attempts[-1]
    return Span(step.attempts[0].start_time, last.start_time + timedelta(seconds=last.duration))


def around(spans: Iterable[Span | None]) -> Span | None:
    """The shortest one that holds them all; None when there is none."""
    present = [span for span in spans if span is not None]
    return Span(min(span.start for span in present), max(span.end for span in present)) if present else None


def seconds(span: Span | None) -> float:
    """The seconds of a span; 0 for None."""
    return 0.0 if span is None else span.duration.total_seconds()
