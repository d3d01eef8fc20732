"""Runs a command of magnus by click, and turns every way it can end into an exit status.

0 success, 1 the pipeline failed, 2 the user's input is wrong, 3 a service failed, 130 interrupted, 143 terminated.
"""

import errno
import os
import signal
from importlib import import_module
from types import FrameType
from typing import TYPE_CHECKING, Final

import click

from magnus import __version__
from magnus.cli import console
from magnus.cli.synopsis import COMMANDS, DESCRIPTION, EXAMPLE

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_INTERRUPTED: Final = 130
_TERMINATED: Final = 143
_BUG: Final = 3


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived; handled like Ctrl-C, with an exit status of its own."""


class _Commands(click.Group):
    """Imports a command when it runs; the list of commands and completion need only the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"magnus.cli.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, text in COMMANDS.items() if text])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """The commands and options that start so."""
        from click.shell_completion import CompletionItem  # lazy: completion alone

        commands = [
            CompletionItem(name, help=text) for name, text in COMMANDS.items() if text and name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command; an error names the one that was probably meant."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches  # lazy: only mistakes need it

            match = next(iter(get_close_matches(args[0], COMMANDS, n=1)), "")
            raise click.UsageError(f"there is no command '{args[0]}'{f'; did you mean {match}?' if match else ''}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; no command can do without a folder to work in."""
        try:
            os.getcwd()  # noqa: PTH109 - nothing is done with it
        except OSError:
            from magnus.errors import InvalidInput  # lazy: --help needs no errors

            message = "the working directory is not there any more"
            raise InvalidInput(message, fix="change to a folder that is there") from None
        return super().invoke(ctx)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=DESCRIPTION,
    epilog=EXAMPLE,
)
@click.version_option(__version__, prog_name="magnus")
def magnus() -> None:
    """All commands."""


def run(arguments: list[str]) -> int:
    """Run the command line; returns the exit status."""
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a parent may have ignored it: then no child has an exit status
    console.open_closed_streams()
    console.write_utf8()
    return _status(arguments)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def _status(arguments: list[str]) -> int:
    try:
        return magnus.main(arguments, prog_name="magnus", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        was_terminated = isinstance(error, Terminated) or isinstance(error.__cause__, Terminated)  # click wraps it
        return _TERMINATED if was_terminated else _INTERRUPTED
    except BrokenPipeError:
        console.drop_output()
        return 0
    except OSError as error:
        if error.errno in {errno.EMFILE, errno.ENFILE}:
            return _failed(_too_many_files(error))
        if error.filename is not None or error.errno != errno.ENOSPC:
            return _failed(error)
        console.drop_output()
        from magnus.errors import ServiceError  # lazy: as below

        return _failed(ServiceError(f"standard output cannot be written: {error.strerror}", fix="free space there"))
    except Exception as error:  # noqa: BLE001 - the top of the command line
        return _failed(error)


def _too_many_files(error: OSError) -> Exception:
    from magnus.errors import ServiceError  # lazy: as above

    message = f"magnus cannot open another file: {error.strerror}"
    return ServiceError(message, fix="raise the limit (ulimit -n), unless a task lowered the hard limit of its process")


def _failed(error: Exception) -> int:
    from magnus.errors import MagnusError  # lazy: --help needs no errors

    if isinstance(error, MagnusError):
        console.show_error(error)
        return error.exit_code
    console.show_bug(error)
    return _BUG
