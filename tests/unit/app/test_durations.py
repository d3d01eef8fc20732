"""How long something took, as it is shown everywhere but in the run log."""

import pytest

from magnus.app.durations import elapsed, so_far


@pytest.mark.parametrize(
    ("seconds", "short", "growing"),
    [(0.25, "250 ms", "0.2 s"), (1, "1.0 s", "1.0 s"), (60, "1 m 00 s", "1 m 00 s"), (273_600, "3 d 4 h", "3 d 4 h")],
)
def test_a_duration_is_written_in_one_way(seconds, short, growing):
    assert (elapsed(seconds), so_far(seconds)) == (short, growing)
