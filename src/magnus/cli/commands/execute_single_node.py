"""`magnus execute_single_node`: the re-entry command by which an engine runs one step of a run."""

from typing import Unpack

import click

from magnus.cli import console, options
from magnus.cli.arguments import TakesParameters
from magnus.cli.request import following_steps, reentry_request
from magnus.system import gc_pause


class _Options(options.ReentryOptions, options.AttemptOptions):
    """The values of the options of the command."""


@click.command(
    "execute_single_node",
    cls=TakesParameters,
    hidden=True,
    epilog="Example: magnus execute_single_node calm-abel each/0/fit -f p.yaml",
)
@click.argument("run")
@click.argument("step")
@options.then
@options.branches_file_of_next
@options.attempt_options
@options.reentry_options
@click.pass_context
def command(
    ctx: click.Context, run: str, step: str, *, then: tuple[str, ...], branches_file: str, **values: Unpack[_Options]
) -> int:
    """Run the step STEP of the run RUN.

    STEP is a path: its parts are percent-encoded and joined by `/`. SIGTERM means that the machine is shut down: the step
    stays open for its next attempt, and the exit status is 143.

    With --then the same process runs the next step after STEP, if STEP succeeded and the next step is named. The exit status
    is that of the last step. A step with branches is started only, and is always the last one.
    """
    from magnus.app.reentry.acts import execute_step  # lazy: --help needs none of it
    from magnus.engine.processes.eviction import evictable
    from magnus.interfaces.reentry import exit_status

    request = reentry_request(ctx, run, values)
    following = following_steps(then, values, branches_file)
    own = console.reserve_output()
    with evictable(), console.reporter_of_step(own) as reporter:
        gc_pause.resume()
        act = execute_step(request, step, reporter, following)
    return exit_status(act.status, tries_again=act.tries_again)
