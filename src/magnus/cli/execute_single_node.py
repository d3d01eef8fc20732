"""`magnus execute_single_node`: the re-entry command, with which an engine runs one step of a run."""

from typing import Final, Unpack

import click

from magnus.cli import console, garbage, options
from magnus.cli.arguments import TakesParameters
from magnus.cli.asking import asked_reentry

_TRY_AGAIN: Final = 75
"""EX_TEMPFAIL of sysexits.h."""


@click.command("execute_single_node", cls=TakesParameters, hidden=True)
@click.argument("run")
@click.argument("step")
@click.option("--one-attempt", is_flag=True, help="Make one attempt; exit with 75 when it failed and there are more.")
@options.of_reentry
@click.pass_context
def command(
    ctx: click.Context,
    run: str,
    step: str,
    *,
    one_attempt: bool,
    **said: Unpack[options.OfReentry],
) -> int:
    """Run the step STEP of the run RUN.

    STEP is a path, its parts percent-encoded and joined by `/`.
    """
    from magnus.app.step import execute_attempt, execute_step  # lazy: --help needs none of it
    from magnus.run_log.records import Status

    wanted = asked_reentry(ctx, run, said)
    again = False
    own = console.reserve_output()
    with console.reporter_of_step(own) as reporter:
        garbage.resume()
        if one_attempt:
            status, again = execute_attempt(wanted, step, reporter)
        else:
            status = execute_step(wanted, step, reporter)
    if again:
        return _TRY_AGAIN
    return 0 if status is Status.SUCCESS else 1
