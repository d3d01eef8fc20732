"""`magnus end_run`: the command by which an engine ends a run that no step could end."""

from typing import Unpack

import click

from magnus.cli import console, options
from magnus.cli.arguments import TakesParameters
from magnus.cli.request import reentry_request


@click.command("end_run", cls=TakesParameters, hidden=True, epilog="Example: magnus end_run calm-abel -f p.yaml")
@click.argument("run")
@click.option("--engine-status", default="", metavar="TEXT", help="The phase that the engine reports.")
@click.option(
    "--engine-failures", default="", metavar="TEXT", help="The failures that the engine reports, in its form."
)
@options.reentry_options
@click.pass_context
def command(
    ctx: click.Context, run: str, engine_status: str, engine_failures: str, **values: Unpack[options.ReentryOptions]
) -> int:
    """End a run whose last step never ran.

    The run RUN is recorded as failed. If no process of it ever started, it is created first.
    """
    from magnus.app.reentry.end_run import end_run  # lazy: --help needs none of it
    from magnus.engine.processes.eviction import evictable

    request = reentry_request(ctx, run, values)
    with evictable(), console.reporter_of_step(console.reserve_output()) as reporter:
        if end_run(request, engine_status, engine_failures, reporter):
            console.note(f"run {request.run_id} did not reach its end")
    return 0
