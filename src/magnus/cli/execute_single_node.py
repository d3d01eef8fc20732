"""`magnus execute_single_node`: the re-entry command, with which an engine runs one step of a run."""

from typing import Unpack

import click

from magnus.cli import console, garbage, options
from magnus.cli.arguments import TakesParameters
from magnus.cli.asking import asked_reentry


@click.command(
    "execute_single_node",
    cls=TakesParameters,
    hidden=True,
    epilog="Example: magnus execute_single_node calm-abel each/0/fit -f p.yaml",
)
@click.argument("run")
@click.argument("step")
@click.option("--one-attempt", is_flag=True, help="Make one attempt; exit with 75 if it failed and attempts are left.")
@click.option(
    "--last-exit",
    default="",
    metavar="STATUS",
    help="With --one-attempt: the exit status of the process of the previous attempt, if the engine has it.",
)
@click.option(
    "--attempts", default=0, metavar="N", help="The number of attempts, if it is larger than max_attempts of the step."
)
@options.of_reentry
@click.pass_context
def command(
    ctx: click.Context,
    run: str,
    step: str,
    *,
    one_attempt: bool,
    last_exit: str,
    attempts: int,
    **said: Unpack[options.OfReentry],
) -> int:
    """Run the step STEP of the run RUN.

    STEP is a path: its parts are percent-encoded and joined by `/`. SIGTERM means that the machine is shut down: the step
    stays open for its next attempt, and the exit status is 143.
    """
    from magnus.app.step import OneAttempt, execute_attempt, execute_step  # lazy: --help needs none of it
    from magnus.engine.eviction import evictable
    from magnus.interfaces.reentry import TRY_AGAIN
    from magnus.run_log.records import Status

    wanted = asked_reentry(ctx, run, said)
    again = False
    own = console.reserve_output()
    with evictable(), console.reporter_of_step(own) as reporter:
        garbage.resume()
        if one_attempt:
            # an engine without a status passes other text
            exit_status = int(last_exit) if last_exit.isascii() and last_exit.isdigit() else None
            status, again = execute_attempt(wanted, step, reporter, OneAttempt(exit_status, attempts))
        else:
            status = execute_step(wanted, step, reporter)
    if again:
        return TRY_AGAIN
    return 0 if status is Status.SUCCESS else 1
