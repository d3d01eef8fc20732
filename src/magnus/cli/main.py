"""The command `magnus`: finds the command to run, and turns every way it can end into an exit status.

0 success, 1 the pipeline failed, 2 the user's input is wrong, 3 a service failed, 130 interrupted, 143 terminated.
"""

import errno
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from types import FrameType
from typing import Final, NoReturn

import click

from magnus import __version__
from magnus.cli import console, garbage

_COMMANDS: Final = {
    "catalog": "magnus.cli.catalog",
    "check": "magnus.cli.check",
    "diff": "magnus.cli.diff",
    "end_run": "magnus.cli.end_run",
    "execute": "magnus.cli.execute",
    "execute_function": "magnus.cli.execute_function",
    "execute_notebook": "magnus.cli.execute_notebook",
    "execute_single_node": "magnus.cli.execute_single_node",
    "fan": "magnus.cli.fan",
    "gc": "magnus.cli.gc",
    "graph": "magnus.cli.graph",
    "logs": "magnus.cli.logs",
    "report": "magnus.cli.report",
    "retry": "magnus.cli.retry",
    "run_composite": "magnus.cli.run_composite",
    "runs": "magnus.cli.runs",
    "schema": "magnus.cli.schema",
    "show": "magnus.cli.show",
    "simulate": "magnus.cli.simulate",
    "track": "magnus.cli.track",
}
_INTERRUPTED: Final = 130
_TERMINATED: Final = 143
_BUG: Final = 3


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived; handled like Ctrl-C, with an exit status of its own."""


class _Commands(click.Group):
    """Imports a command when it is used: `--help` and every run pay for what they need alone."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(_COMMANDS[cmd_name]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command; an error names the one that was probably meant."""
        if args[0] not in _COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches  # lazy: only mistakes need it

            match = next(iter(get_close_matches(args[0], _COMMANDS, n=1)), "")
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


_EXAMPLE: Final = "Example: magnus execute pipeline.yaml --x 3"


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EXAMPLE)
@click.version_option(__version__, prog_name="magnus")
def magnus() -> None:
    """Define data-science pipelines once, run them anywhere."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    garbage.pause()
    _leave_folder()
    signal.signal(signal.SIGTERM, _terminate)
    console.open_closed_streams()
    console.write_utf8()
    sys.exit(_status(sys.argv[1:] if arguments is None else list(arguments)))


def _leave_folder() -> None:
    """Import nothing from the working directory, where `python -m magnus` would look first: its modules are for tasks."""
    with suppress(OSError):
        if sys.path and sys.path[0] in {"", os.getcwd()}:  # noqa: PTH109 - a path costs more
            del sys.path[0]


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
