"""Tells the options of a command from the parameters of a pipeline, which are written alike: `--name value`."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

import click

NO_VALUE: Final = "\0"
"""The value of an option that may stand without a value, and does."""


class EngineOption(click.Option):
    """An option that engines write and not people, so that no parameter is taken for a slip of it."""


class TakesParameters(click.Command):
    """A command on which every `--name value` that is no option of its own is a parameter of the pipeline.

    They are in `ctx.obj`, as text by name. A name within one edit of an option is taken for a slip and refused.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the parameters out, and let click read the rest."""
        options = {name: option for option in self.params if isinstance(option, click.Option) for name in option.opts}
        rest, ctx.obj = _split(args, options)
        return super().parse_args(ctx, rest)


def _split(args: Sequence[str], options: dict[str, click.Option]) -> tuple[list[str], dict[str, str]]:
    rest: list[str] = []
    parameters: dict[str, str] = {}
    waiting: Iterator[str] = iter(args)
    while (argument := next(waiting, None)) is not None:
        name, equals, value = argument.partition("=")
        if argument == "--":
            rest += [argument, *waiting]
        elif not name.startswith("--") or name in {*options, "--help"}:
            rest.append(argument)
            takes_next = not equals and name in options and not options[name].is_flag
            if takes_next and (following := next(waiting, None)) is not None:
                if _stands_alone(options[name]) and following.startswith("-"):
                    waiting = chain([following], waiting)
                else:
                    rest[-1] = options[name].opts[-1]  # click looks for options like `-f`, which takes it long
                    rest.append(following)
        else:
            _refuse_slip(name, options)
            text = value if equals else next(waiting, None)
            if text is None:
                from magnus.errors import InvalidInput  # lazy: --help needs no errors

                raise InvalidInput(f"the parameter '{name}' has no value", fix=f"write {name} VALUE")
            parameters[name[2:]] = text
    return rest, parameters


def _stands_alone(option: click.Option) -> bool:
    """Whether the option may stand without a value."""
    return bool(option.flag_value == NO_VALUE)


def _refuse_slip(name: str, options: dict[str, click.Option]) -> None:
    for option, declared in options.items():
        if isinstance(declared, EngineOption):
            continue
        if option.startswith("--") and _within_one_edit(name, option):
            from magnus.errors import InvalidInput  # lazy: likewise

            fix = f"write '{option}'; a parameter of that name can be given in a parameters file or as MAGNUS_PRM_{name[2:]}"
            raise InvalidInput(f"'{name}' looks like the option '{option}'", fix=fix)


def _within_one_edit(name: str, option: str) -> bool:
    """Whether one character more, less or other, or two neighbours swapped, turn `name` into `option`."""
    if abs(len(name) - len(option)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(name, option, strict=False)) if a != b), min(len(name), len(option)))
    rest, target = name[start:], option[start:]
    swapped = rest[1::-1] + rest[2:]
    return any((rest[1:] == target[1:], rest == target[1:], rest[1:] == target, swapped == target))
