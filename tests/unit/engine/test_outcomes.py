"""How long a step took, by its record and the clock."""

from datetime import UTC, datetime

from msgspec.structs import replace

from magnus.engine.outcomes import duration
from magnus.run_log.records import AttemptRecord, Status
from magnus.testing.records import step_record


def test_a_step_took_at_least_as_long_as_its_attempts():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    attempts = tuple(AttemptRecord(n, now, now, 0.5, Status.FAIL, "") for n in range(2))
    step = replace(step_record("s"), attempts=attempts)
    assert [duration(step), duration(step, 0.0007), duration(step, 3.0)] == [1.0, 1.0, 3.0]
