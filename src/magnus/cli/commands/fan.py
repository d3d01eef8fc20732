"""`magnus fan`: the re-entry command by which an engine starts and joins the branches of a step."""

import json
from typing import Unpack

import click

from magnus.cli import console, options
from magnus.cli.arguments import TakesParameters
from magnus.cli.request import following_steps, reentry_request
from magnus.system import gc_pause


class _Options(options.ReentryOptions, options.AttemptOptions):
    """The values of the options of the command."""


@click.command("fan", cls=TakesParameters, hidden=True, epilog="Example: magnus fan calm-abel each -m out -f p.yaml")
@click.argument("run")
@click.argument("step")
@click.option("-m", "--mode", type=click.Choice(["in", "out"]), required=True, help="Start the branches, or join them.")
@click.option(
    "--round",
    "number",
    type=click.IntRange(min=0),
    help="With '-m in': the iteration of a loop to join, else the current one.",
)
@click.option(
    "--branches-file",
    default="",
    metavar="FILE",
    help="Write the branches to run next to this file, for engines that count them.",
)
@options.then
@click.option(
    "--then-branches-file", default="", metavar="FILE",
    help="With --then: write the branches of a started step to this file.",
)  # fmt: skip
@options.attempt_options
@options.reentry_options
@click.pass_context
def command(
    ctx: click.Context,
    run: str,
    step: str,
    *,
    mode: str,
    number: int | None,
    branches_file: str,
    then: tuple[str, ...],
    then_branches_file: str,
    **values: Unpack[_Options],
) -> int:
    """Start or join the branches of a step.

    `-m out` starts the branches of the step STEP of the run RUN, `-m in` joins them.

    It prints the paths of the branches to run next, as a JSON list. After `in` the list is empty, unless a loop continues.
    An iteration that was joined before is not joined again, and prints the same list.

    With `-m in --then NAME` the same process runs the next step after STEP, if STEP succeeded and the next step is named. The
    exit status is that of the last step. A step with branches is started only, and is always the last one.
    """
    if mode == "out" and (number is not None or then):
        raise click.UsageError(f"'{'--then' if then else '--round'}' goes with '-m in'")

    from magnus.app.reentry.acts import fan_in, fan_out  # lazy: --help needs none of it
    from magnus.engine.processes.eviction import evictable
    from magnus.interfaces.reentry import exit_status

    request = reentry_request(ctx, run, values)
    following = following_steps(then, values, then_branches_file)
    own = console.reserve_output()
    with evictable(), console.reporter_of_step(own) as reporter:
        gc_pause.resume()
        if mode == "out":
            act = last = fan_out(request, step, reporter, branches_file)
        else:
            act, last = fan_in(request, step, reporter, branches_file, number, following)
    own.emit(json.dumps(act.branches) + "\n")
    return exit_status(last.status, tries_again=last.tries_again)
