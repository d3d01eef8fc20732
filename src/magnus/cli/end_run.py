"""`magnus end_run`: with which an engine ends a run that no step could end."""

from typing import Unpack

import click

from magnus.cli import console, options
from magnus.cli.arguments import TakesParameters
from magnus.cli.asking import asked_reentry


@click.command("end_run", cls=TakesParameters, hidden=True, epilog="Example: magnus end_run calm-abel -f p.yaml")
@click.argument("run")
@click.option("--engine-status", default="", metavar="TEXT", help="How the engine says it ended.")
@click.option(
    "--engine-failures", default="", metavar="JSON", help="What the engine says of what failed: displayName, message."
)
@options.of_reentry
@click.pass_context
def command(
    ctx: click.Context, run: str, engine_status: str, engine_failures: str, **said: Unpack[options.OfReentry]
) -> int:
    """End a run that no step has ended.

    The run RUN has failed then. It is created when no process of it ever started.
    """
    from magnus.app.reentry.end_run import end_run  # lazy: --help needs none of it
    from magnus.engine.eviction import evictable

    wanted = asked_reentry(ctx, run, said)
    with evictable(), console.reporter_of_step(console.reserve_output()) as reporter:
        if end_run(wanted, engine_status, engine_failures, reporter):
            console.note(f"run {wanted.run_id} did not reach its end")
    return 0
