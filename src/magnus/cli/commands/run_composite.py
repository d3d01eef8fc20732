"""`magnus run_composite`: the re-entry command that runs a step made of branches whole, with worker processes."""

from typing import Unpack

import click

from magnus.cli import console, options
from magnus.cli.arguments import TakesParameters
from magnus.cli.request import following_steps, reentry_request
from magnus.system import gc_pause


class _Options(options.ReentryOptions, options.AttemptOptions):
    """The values of the options of the command."""


@click.command(
    "run_composite", cls=TakesParameters, hidden=True, epilog="Example: magnus run_composite calm-abel each -f p.yaml"
)
@click.argument("run")
@click.argument("step")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="The number of worker processes. Default: the number of processors.",
)
@options.then
@options.branches_file_of_next
@options.attempt_options
@options.reentry_options
@click.pass_context
def command(
    ctx: click.Context,
    run: str,
    step: str,
    *,
    workers: int | None,
    then: tuple[str, ...],
    branches_file: str,
    **values: Unpack[_Options],
) -> int:
    """Run all branches of a step in one process.

    It runs the step STEP of the run RUN from its fan-out to its fan-in. Finished steps do not run again. If STEP had
    failed, its failed steps run again. SIGTERM means that
    the machine is shut down: steps stay open for the next process, and the exit status is 143.

    With --then the same process runs the next step after STEP, as `execute_single_node` does. The options about attempts
    are for that step.
    """
    from magnus.app.reentry.acts import run_composite  # lazy: --help needs none of it
    from magnus.engine.processes.eviction import evictable
    from magnus.interfaces.reentry import exit_status

    request = reentry_request(ctx, run, values)
    following = following_steps(then, values, branches_file)
    own = console.reserve_output()
    with evictable(), console.reporter_of_step(own) as reporter:
        gc_pause.resume()
        act = run_composite(request, step, reporter, workers, following)
    return exit_status(act.status, tries_again=act.tries_again)
