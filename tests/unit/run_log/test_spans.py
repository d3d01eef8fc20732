"""How long steps took."""

from datetime import timedelta

from msgspec.structs import replace

from magnus.run_log.records import AttemptRecord, Span, Status, around, seconds, span_of
from magnus.testing.records import MOMENT, step_record


def attempt(start, length):
    return AttemptRecord(0, MOMENT + timedelta(seconds=start), MOMENT, length, Status.FAIL)


def test_a_step_took_from_its_first_attempt_to_the_end_of_its_last_waits_included():
    step = replace(step_record("s"), attempts=(attempt(0, 0.5), attempt(2, 0.25)))
    assert span_of(step) == Span(MOMENT, MOMENT + timedelta(seconds=2.25))
    assert seconds(span_of(step)) == 2.25


def test_a_step_without_attempts_has_no_span():
    assert span_of(replace(step_record("s"), attempts=())) is None
    assert seconds(None) == 0.0


def test_what_is_around_spans_from_the_first_start_to_the_last_end():
    one, other = (
        Span(MOMENT, MOMENT + timedelta(seconds=5)),
        Span(MOMENT + timedelta(seconds=1), MOMENT + timedelta(seconds=2)),
    )
    assert around((None, other, one)) == one
    assert around((None,)) is None
