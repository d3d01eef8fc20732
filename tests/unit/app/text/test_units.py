"""How long something took, as it is shown everywhere but in the run log."""

import pytest

from magnus.app.text.plain_text import short
from magnus.app.text.units import elapsed, elapsed_so_far


@pytest.mark.parametrize(
    ("seconds", "short", "growing"),
    [(0.25, "250 ms", "0.2 s"), (1, "1.0 s", "1.0 s"), (60, "1 m 00 s", "1 m 00 s"), (273_600, "3 d 4 h", "3 d 4 h")],
)
def test_a_duration_is_written_in_one_way(seconds, short, growing):
    assert (elapsed(seconds), elapsed_so_far(seconds)) == (short, growing)


@pytest.mark.parametrize(
    ("text", "longest", "cut"),
    [
        ("[1, 2, 3]", 9, "[1, 2, 3]"),
        ("[1, 2, 30000]", 12, "[1, 2, …]"),
        ('{"a": [1, 2, 3, 4]}', 18, '{"a": [1, 2, …]}'),
        ('"a long text"', 8, '"a lon…"'),
        ('["a, b", "c, d, e"]', 16, '["a, b", …]'),
        (r'"a\"bcdefgh"', 8, r'"a\"bc…"'),
        ("plain text", 6, "plain…"),
        ("[1000000]", 4, "[1…]"),
    ],
)
def test_json_that_is_cut_is_closed(text, longest, cut):
    assert short(text, longest) == cut
