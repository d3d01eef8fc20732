"""The help of every command begins with a full thought that fits the list of commands."""

from importlib import import_module

import click
import pytest
from click.testing import CliRunner

from magnus.cli.main import _COMMANDS, magnus

LONGEST = 60


def commands():
    for name, module in _COMMANDS.items():
        command = import_module(module).command
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", found) for inner, found in command.commands.items())


@pytest.mark.parametrize(
    ("name", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_first_line_is_a_short_sentence(name, command):
    first = command.help.partition("\n")[0]
    assert first.endswith("."), name
    assert first.count(". ") == 0
    assert len(first) <= LONGEST


@pytest.mark.parametrize("arguments", [["--help"], ["catalog", "--help"]])
def test_no_line_of_a_list_of_commands_is_cut(arguments):
    result = CliRunner().invoke(magnus, arguments, terminal_width=80)
    assert result.exit_code == 0
    assert "..." not in result.output.partition("Commands:")[2]
    assert len(result.output.partition("Commands:")[2].splitlines()) > 1
