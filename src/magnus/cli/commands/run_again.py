"""`magnus run_again`: the command by which `magnus reproduce` runs a run, or one of its steps, in the restored project."""

import json
from typing import Unpack

import click

from magnus.cli import console, options
from magnus.cli.arguments import TakesParameters
from magnus.cli.request import execute_request, run_request


@click.command(
    "run_again", cls=TakesParameters, hidden=True, epilog="Example: magnus run_again calm-abel --run-id again"
)
@click.argument("run")
@options.combined(options.configuration_file, options.parameters_file, options.tag, options.run_id)
@click.option("--step", "steps", multiple=True, metavar="STEP", help="Run only this step, and record nothing.")
@click.option("--parent-pipe", type=int, metavar="FD", help="End when the other end of this pipe is closed.")
@options.combined(options.progress, options.run_log, options.log_level)
@click.pass_context
def command(
    ctx: click.Context,
    run: str,
    *,
    run_id: str,
    steps: tuple[str, ...],
    parent_pipe: int | None,
    **values: Unpack[options.CommonOptions],
) -> int:
    """Run a run again in the working directory.

    With `--step`, the step runs a further time with its inputs, and a line of JSON says whether its result is the same.
    """
    from magnus.app.reproduce.run_again import repeating, run_steps_again  # lazy: --help needs none of it
    from magnus.engine.processes.children import end_with_parent

    if parent_pipe is not None:
        end_with_parent(parent_pipe)
    if not steps:
        return execute_request(repeating(run_request(ctx, values, run_id=run_id), run))
    own = console.reserve_output()
    for answer in run_steps_again(run, steps, values["configuration_file"], console.environment()):
        own.emit(json.dumps(answer) + "\n")
    return 0
