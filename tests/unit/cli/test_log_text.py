"""Lines that steps write over, such as progress bars, on a terminal."""

import pytest

from magnus.cli.text.log import LastStates


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        ([b"a\nb\n"], b"a\nb\n"),
        ([b"a\r\nb\r\n"], b"a\nb\n"),
        ([b"0 of 2\r1 of 2\r2 of 2\nend\n"], b"2 of 2\nend\n"),
        ([b"start\n\r0 of 2\r1 of 2", b"\r2 of 2\nend\n"], b"start\n1 of 2\n2 of 2\nend\n"),
        ([b"0 of 2\r", b"1 of 2\r", b"2 of 2\r", b"\nend\n"], b"0 of 2\n1 of 2\n2 of 2\nend\n"),
        ([b"a\r", b"\nb"], b"a\nb"),
        ([b"start\n", b"\r0 of 2"], b"start\n0 of 2"),
    ],
)
def test_the_last_state_in_each_piece_is_shown(pieces, shown):
    states = LastStates()
    assert b"".join(map(states.feed, pieces)) == shown
