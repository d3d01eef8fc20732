"""Options of a command are told from parameters of the pipeline."""

import click
import pytest

from magnus.cli.arguments import TakesParameters
from magnus.errors import InvalidInput


def parsed(*arguments):
    @click.command(cls=TakesParameters)
    @click.argument("file", required=False)
    @click.option("-c", "--config")
    @click.option("--quiet", is_flag=True)
    @click.pass_context
    def command(ctx, file, config, quiet):
        return file, config, quiet, ctx.obj

    return command.main(list(arguments), standalone_mode=False)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), (None, None, False, {})),
        (("p.yaml", "--x", "3"), ("p.yaml", None, False, {"x": "3"})),
        (("--x=a=b", "p.yaml"), ("p.yaml", None, False, {"x": "a=b"})),
        (("--x", "--y", "1"), ("1", None, False, {"x": "--y"})),
        (("--config", "c", "--x", "3"), (None, "c", False, {"x": "3"})),
        (("--config=c", "-c", "d"), (None, "d", False, {})),
        (("-c", "--x"), (None, "--x", False, {})),
        (("--quiet", "p.yaml"), ("p.yaml", None, True, {})),
        (("--x", "1", "--x", "2"), (None, None, False, {"x": "2"})),
        (("--learning-rate", "-1"), (None, None, False, {"learning-rate": "-1"})),
        (("--", "--x"), ("--x", None, False, {})),
    ],
)
def test_what_is_a_parameter(arguments, expected):
    assert parsed(*arguments) == expected


@pytest.mark.parametrize("slip", ["--conifg", "--confg", "--configs", "--cinfig", "--quit"])
def test_a_name_within_one_edit_of_an_option_is_refused(slip):
    with pytest.raises(InvalidInput, match=f"'{slip}' looks like the option '--(config|quiet)'"):
        parsed(slip, "c")


@pytest.mark.parametrize("name", ["--con", "--conifgs", "--figcon", "--q"])
def test_a_name_further_from_every_option_is_a_parameter(name):
    assert parsed(name, "1")[3] == {name[2:]: "1"}


def test_a_parameter_without_a_value():
    with pytest.raises(InvalidInput) as caught:
        parsed("--x")
    assert str(caught.value) == "error: the parameter '--x' has no value\n  fix: write --x VALUE"
