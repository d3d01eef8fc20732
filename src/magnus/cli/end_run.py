"""`magnus end_run`: with which an engine ends a run that no step could end."""

import click

from magnus.cli import console, options
from magnus.cli.asking import asked


@click.command("end_run", hidden=True)
@click.argument("run")
@click.option("--engine-status", default="", metavar="TEXT", help="How the engine says it ended.")
@options.applied(options.configuration_file)
@click.pass_context
def command(ctx: click.Context, run: str, engine_status: str, configuration_file: str) -> int:
    """End the run RUN as failed, unless a step has ended it."""
    from magnus.app.step import end_run  # lazy: --help needs none of it

    ctx.obj = {}
    wanted = asked(ctx, {"configuration_file": configuration_file, "parameters_file": "", "tag": ""}, run_id=run)
    if end_run(wanted, engine_status):
        console.note(f"run {run} did not reach its end")
    return 0
