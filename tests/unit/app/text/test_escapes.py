"""Escape sequences in what steps print, whole and in pieces."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magnus.app.text.escapes import HarmlessPieces, harmless, without_escapes

SEQUENCES = st.sampled_from(
    [b"\x1b[31m", b"\x1b[2J", b"\x1b[?25l", b"\x1b]0;title\x07", b"\x1b]8;;u\x1b\\", b"\x1bP1$r\x1b\\", b"\x1bc",
     b"\x1b(B", b"\xc2\x9b2J", "ü✓".encode(), b"text\n", b"\x07", b"\x1b", b"\xc2", b"\x1b[", b"\x1b]0;un"]
)  # fmt: skip


@given(st.lists(SEQUENCES, max_size=8).map(b"".join), st.lists(st.integers(0, 60), max_size=6))
def test_pieces_leave_what_the_whole_leaves(output, places):
    cuts = [0, *sorted(place for place in places if place < len(output)), len(output)]
    pieces = HarmlessPieces()
    shown = b"".join(pieces.feed(output[start:end]) for start, end in pairwise(cuts))
    assert shown + pieces.rest() == harmless(output)


@pytest.mark.parametrize("sequence", [b"\x1b[2J", b"\x1b]0;title\x07", b"\x1b[?1049h", b"\x1bc", b"\xc2\x9b2J"])
def test_no_sequence_that_is_split_reaches_the_terminal(sequence):
    for place in range(1, len(sequence)):
        pieces = HarmlessPieces()
        shown = pieces.feed(b"before" + sequence[:place]) + pieces.feed(sequence[place:] + b"after") + pieces.rest()
        assert shown in {b"beforeafter", b"before2Jafter"}


def test_what_never_ends_is_not_waited_for():
    pieces = HarmlessPieces()
    assert [pieces.feed(b"\x1b]0;" + b"x" * 10_000), pieces.feed(b" shown")] == [b"", b" shown"]


def test_colours_go_on_over_pieces_and_end_with_the_output():
    pieces = HarmlessPieces()
    assert pieces.feed(b"\x1b[3") + pieces.feed(b"1mred") + pieces.feed(b" still") == b"\x1b[31mred still"
    assert pieces.rest() == b"\x1b[0m"
    assert pieces.rest() == b""


def test_text_is_left_when_sequences_go():
    assert without_escapes("\x1b[1;31mred\x1b[0m \x1b]0;t\x07x\x1b(B") == "red x"
