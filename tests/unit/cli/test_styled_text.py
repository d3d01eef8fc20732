"""Styled lines that are cut or wrapped fit the terminal and lose nothing but spaces, also of wide characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magnus.app.text.columns import width
from magnus.app.text.palette import Style
from magnus.cli.text.styled_text import cut, has_colour, line_of, width_of, wrapped

TEXTS = st.text(st.sampled_from("ab 漢é\u0301\u200d👍\ufe0f"), max_size=12)
PIECES = st.lists(st.tuples(TEXTS, st.sampled_from(Style)), max_size=5)
GOOD, BAD = Style.GOOD, Style.BAD


def text_of(pieces):
    return line_of(pieces, colour=False)


@pytest.mark.parametrize(
    ("pieces", "columns", "expected"),
    [
        ([("abc", GOOD), ("def", BAD)], 6, [("abc", GOOD), ("def", BAD)]),
        ([("abc", GOOD), ("def", BAD)], 5, [("abc", GOOD), ("d…", BAD)]),
        ([("abc", GOOD), ("def", BAD)], 4, [("abc", GOOD), ("…", BAD)]),
        ([("abc", GOOD), ("d", BAD), ("e", GOOD)], 4, [("abc", GOOD), ("…", BAD)]),
        ([("漢字漢字", GOOD)], 6, [("漢字…", GOOD)]),
        ([("漢字漢字", GOOD)], 4, [("漢…", GOOD)]),
    ],
)
def test_the_end_that_does_not_fit_is_an_ellipsis(pieces, columns, expected):
    assert list(cut(pieces, columns)) == expected


@given(PIECES, st.integers(1, 20))
def test_a_cut_line_fits_and_begins_as_it_did(pieces, columns):
    line = cut(pieces, columns)
    assert width_of(line) <= columns
    whole, shown = text_of(pieces), text_of(line)
    assert shown == whole or (shown.endswith("…") and whole.startswith(shown[:-1]))


@pytest.mark.parametrize(
    ("text", "columns", "lines"),
    [
        ("one two three", 8, ["one two", "three"]),
        ("one two three", 7, ["one two", "three"]),
        ("one   two", 4, ["one", "two"]),
        ("abcdefgh ij", 3, ["abc", "def", "gh", "ij"]),
        ("漢字漢字 a", 5, ["漢字", "漢字", "a"]),
        ("  in", 9, ["  in"]),
        ("漢", 1, ["漢"]),
        ("", 5, [""]),
    ],
)
def test_lines_are_broken_at_spaces_and_inside_long_words(text, columns, lines):
    assert [text_of(line) for line in wrapped([(text, Style.PLAIN)], columns)] == lines


@given(PIECES, st.integers(2, 20))
def test_wrapped_lines_fit_and_keep_all_but_spaces(pieces, columns):
    lines = list(wrapped(pieces, columns))
    assert all(width_of(line) <= columns or len(text_of(line)) == 1 for line in lines)
    characters = [(character, style) for text, style in pieces for character in text if character != " "]
    assert [(each, style) for line in lines for text, style in line for each in text if each != " "] == characters


def test_a_long_text_is_wrapped_in_linear_time():
    text = "x" * 1_000_000
    lines = [text_of(line) for line in wrapped([(text, Style.PLAIN)], 80)]
    assert "".join(lines) == text
    assert {width(line) for line in lines[:-1]} == {80}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colour_is_for_terminals_that_want_it(monkeypatch, variables, expected):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for name, value in {"NO_COLOR": "", "TERM": "xterm", **variables}.items():
        monkeypatch.setenv(name, value)
    assert has_colour() == expected
    monkeypatch.setattr("sys.stdout.isatty", lambda: False)
    assert not has_colour()
