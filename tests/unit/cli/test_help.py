"""The help of every command begins with a full thought that fits the list of commands."""

import shlex
from importlib import import_module
from pkgutil import iter_modules

import click
import pytest
from click.testing import CliRunner

from magnus.cli import commands as packages
from magnus.cli.program import magnus
from magnus.cli.synopsis import COMMANDS

LONGEST = 60


def module_of(name):
    return import_module(f"magnus.cli.commands.{name}")


def commands():
    for name in COMMANDS:
        command = module_of(name).command
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", found) for inner, found in command.commands.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_has_the_first_line_of_each_that_is_not_hidden(name):
    command = module_of(name).command
    assert COMMANDS[name] == ("" if command.hidden else command.help.partition("\n")[0])


def test_every_module_of_a_command_is_in_the_list():
    assert {module.name for module in iter_modules(packages.__path__)} == set(COMMANDS)


@pytest.mark.parametrize(
    ("name", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_first_line_is_a_short_sentence(name, command):
    first = command.help.partition("\n")[0]
    assert first.endswith("."), name
    assert first.count(". ") == 0
    assert len(first) <= LONGEST


@pytest.mark.parametrize(
    ("name", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_command_ends_its_help_with_an_example_that_it_understands(name, command):
    shown = CliRunner().invoke(magnus, [*name.split(), "--help"], terminal_width=80).output
    example = shown.rstrip().rpartition("\n")[2].removeprefix("  Example: ")
    assert example == command.epilog.removeprefix("Example: ")
    words = shlex.split(example)
    assert words[0] == "magnus"
    assert words[1] == name.split()[0]
    inner = module_of(words[1]).command
    rest = words[2:]
    if isinstance(inner, click.Group):
        inner, rest = inner.commands[words[2]], words[3:]
    assert inner.make_context(words[1], rest).params


@pytest.mark.parametrize(
    ("name", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_no_escape_sequence_is_shown(name, command):
    shown = CliRunner().invoke(magnus, [*name.split(), "--help"], terminal_width=80).output
    assert "\\" not in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("exceute", "there is no command 'exceute'; did you mean execute?"),
        ("qqqq", "there is no command 'qqqq'"),
    ],
)
def test_a_command_that_is_not_there_names_the_one_that_was_meant(typed, message):
    result = CliRunner().invoke(magnus, [typed])
    assert result.exit_code == 2
    assert result.output.endswith(f"Error: {message}\n")


@pytest.mark.parametrize("arguments", [["--help"], ["catalog", "--help"]])
def test_no_line_of_a_list_of_commands_is_cut(arguments):
    result = CliRunner().invoke(magnus, arguments, terminal_width=80)
    assert result.exit_code == 0
    assert "..." not in result.output.partition("Commands:")[2]
    assert len(result.output.partition("Commands:")[2].splitlines()) > 1
