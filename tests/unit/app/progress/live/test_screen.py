"""What is written to a terminal for frames and for what stays above them, seen on a small terminal of the tests."""

import re

import pytest

from magnus.app.progress.live.screen import Screen
from magnus.app.text.escapes import harmless


class Paper:
    """A terminal that knows what frames use: going up, erasing, wrapping. `lines` is all it has shown, scrolled or not."""

    def __init__(self, columns=20):
        self.columns = columns
        self.rows = [""]
        self.row = self.column = 0
        self.wraps = True

    def write(self, data):
        for found in re.finditer(r"\x1b\[(\??\d*)([A-Za-z])|(.)", data.decode(), re.DOTALL):
            number, command, character = found.groups()
            match command, character:
                case "A", _:
                    self.row = max(0, self.row - int(number))
                case "M", _:
                    del self.rows[self.row : self.row + int(number)]
                    self.rows += [""] * (self.row + 1 - len(self.rows))
                case "J", _:
                    self.rows[self.row] = self.rows[self.row][: self.column]
                    del self.rows[self.row + 1 :]
                case "K", _:
                    self.rows[self.row] = self.rows[self.row][: self.column]
                case "h" | "l", _:
                    self.wraps = command == "h"
                case _, "\r":
                    self.column = 0
                case _, "\n":
                    self._down()
                case None, text:
                    self._put(text)

    def _down(self):
        self.row, self.column = self.row + 1, 0
        if self.row == len(self.rows):
            self.rows.append("")

    def _put(self, character):
        if self.column == self.columns:
            if not self.wraps:
                return
            self._down()
        line = self.rows[self.row].ljust(self.column)
        self.rows[self.row] = line[: self.column] + character + line[self.column + 1 :]
        self.column += 1

    def narrow(self, columns):
        """Wrap lines that are longer now, as most terminals do."""
        self.columns = columns
        self.rows = [line[start : start + columns] for line in self.rows for start in range(0, len(line) or 1, columns)]
        self.row, self.column = len(self.rows) - 1, 0

    @property
    def lines(self):
        return self.rows[:-1]


@pytest.fixture
def paper():
    return Paper()


@pytest.fixture
def screen(paper):
    return Screen(paper.write, lambda: paper.columns)


def test_a_frame_takes_the_place_of_the_one_before(paper, screen):
    for frame in (["one", "two", "three"], ["other", "2"], ["last", "of", "them", "all"]):
        screen.show(b"", frame)
        assert paper.lines == frame
        assert (paper.column, paper.wraps) == (0, True)


def test_what_stays_is_above_the_frame(paper, screen):
    screen.show(b"first\n", ["a", "b"])
    screen.show(b"second\nthird\n", ["a"])
    screen.show(b"", ["b"])
    assert paper.lines == ["first", "second", "third", "b"]
    screen.show(b"end\n", [])
    assert paper.lines == ["first", "second", "third", "end"]


def test_without_anything_to_show_nothing_is_written():
    written = []
    Screen(written.append, lambda: 80).show(b"", [])
    assert written == []


def test_long_lines_wrap_above_and_are_cut_in_the_frame(paper, screen):
    for _ in range(3):
        screen.show(b"", ["x" * 30, "y"])
    screen.show(b"o" * 30 + b"\n", ["x" * 30, "y"])
    assert paper.lines == ["o" * 20, "o" * 10, "x" * 20, "y"]


def test_a_terminal_that_becomes_narrower_wraps_what_was_painted(paper, screen):
    screen.show(b"output\n", ["x" * 18, "y", "z" * 15])
    paper.narrow(10)
    screen.show(b"", ["x" * 9, "y", "z" * 9])
    assert paper.lines == ["output", "x" * 9, "y", "z" * 9]


def test_after_somebody_else_used_the_terminal_the_frame_is_painted_anew(paper, screen):
    screen.show(b"", ["a", "b"])
    paper.write(b"^Z\nstopped\n$ fg\n")
    screen.forget()
    screen.show(b"", ["c", "d"])
    screen.show(b"", ["e", "f"])
    assert paper.lines == ["a", "b", "^Z", "stopped", "$ fg", "e", "f"]


def test_colours_take_no_room(paper, screen):
    screen.show(b"", ["\x1b[32m" + "x" * 19 + "\x1b[0m"])
    screen.show(b"", ["y"])
    assert paper.lines == ["y"]


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        ("plain ünï 测试\ttext\n", "plain ünï 测试\ttext\n"),
        ("\x1b[1;31mred\x1b[0m\n", "\x1b[1;31mred\x1b[0m\n\x1b[0m"),
        ("\x1b[38:2::1:2:3mred\n", "\x1b[38:2::1:2:3mred\n\x1b[0m"),
        ("a\x1b[2J\x1b[H\x1b[3A\x1b[?1049h\x1b[6nb\n", "ab\n"),
        ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\n", "alink\n"),
        ("\x1bc\x1b7\x1b(0a\x1bPq#0\x1b\\b\n", "ab\n"),
        ("a\x07\x08\x0b\x0c\x00\x7f\x9bb\n", "ab\n"),
        ("ends \x1b[\nnext\n", "ends \nnext\n"),
        ("\x1b]0;never ended\nnext\n", "\nnext\n"),
        ("bare \x1b\n", "bare \n"),
    ],
)
def test_output_cannot_move_what_is_shown(output, shown):
    assert harmless(output.encode()).decode() == shown


def test_bytes_that_are_no_text_pass():
    assert harmless(b"\xff\xfe\n") == b"\xff\xfe\n"
