"""What `magnus` answers without click is what click answers."""

import os
import sys

import pytest
from click.shell_completion import shell_complete
from click.testing import CliRunner

from magnus.cli import console, synopsis
from magnus.cli.program import magnus


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"]])
def test_an_answer_is_that_of_click(arguments):
    shown = CliRunner().invoke(magnus, arguments, prog_name="magnus", terminal_width=78).output
    assert synopsis.answer(arguments, {}) == shown


@pytest.mark.parametrize("shell", ["bash_complete", "zsh_complete"])
@pytest.mark.parametrize(
    "line",
    ["", "magnus", "magnus ", "magnus e", "magnus execute_", "magnus none", "magnus fan", "magnus _", "magnus é"],
)
def test_a_completion_is_that_of_click(shell, line, monkeypatch, capsys):
    environment = {"_MAGNUS_COMPLETE": shell, "COMP_WORDS": line, "COMP_CWORD": "1"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert shell_complete(magnus, {}, "magnus", "_MAGNUS_COMPLETE", shell) == 0
    assert synopsis.answer([], environment) == capsys.readouterr().out


@pytest.mark.parametrize(
    ("shell", "line", "position"),
    [
        ("bash_complete", "magnus execute -f a", "3"),
        ("bash_complete", "magnus execute -f a", "1"),
        ("bash_complete", "magnus --h", "1"),
        ("bash_complete", "magnus -", "1"),
        ("zsh_complete", "magnus 'ex", "1"),
        ("zsh_complete", "magnus \\e", "1"),
        ("bash_complete", "/odd\\ place/magnus ex", "1"),
        ("bash_complete", "", "0"),
        ("bash_complete", "magnus ex", "one"),
        ("fish_complete", "magnus ex", "ex"),
        ("fish_complete", "magnus 1", "1"),
        ("bash_source", "magnus ex", "1"),
        ("none", "magnus ex", "1"),
    ],
)
def test_other_completions_are_left_to_click(shell, line, position):
    environment = {"_MAGNUS_COMPLETE": shell, "COMP_WORDS": line, "COMP_CWORD": position}
    assert synopsis.answer([], environment) is None


@pytest.mark.parametrize("arguments", [[], ["--help", "runs"], ["runs", "--help"], ["--version", "-h"], ["--hel"]])
def test_other_command_lines_are_left_to_click(arguments):
    assert synopsis.answer(arguments, {}) is None


@pytest.mark.parametrize(("columns", "is_answered"), [(0, True), (79, False), (80, True), (200, True)])
def test_click_wraps_the_help_for_a_narrow_terminal(columns, is_answered, monkeypatch):
    monkeypatch.setattr(os, "get_terminal_size", lambda _descriptor: os.terminal_size((columns, 24)))
    assert (synopsis.answer(["--help"], {}) is not None) == is_answered


def test_click_reads_a_width_in_the_environment():
    assert synopsis.answer(["--help"], {"COLUMNS": "200"}) is None


def test_an_answer_that_cannot_be_written_is_left_to_click(monkeypatch):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert not console.has_emitted("text")
    # nothing waits in its buffer: closing it wrote nothing
    monkeypatch.setattr(sys, "stdout", None)
    assert not console.has_emitted("text")
