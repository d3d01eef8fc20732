"""`magnus fan`: the re-entry command by which an engine starts and joins the branches of a step."""

import json
from typing import Unpack

import click

from magnus.cli import console, garbage, options
from magnus.cli.arguments import TakesParameters
from magnus.cli.asking import asked_reentry


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
@options.of_reentry
@click.pass_context
def command(
    ctx: click.Context,
    run: str,
    step: str,
    *,
    mode: str,
    number: int | None,
    branches_file: str,
    **said: Unpack[options.OfReentry],
) -> int:
    """Start or join the branches of a step.

    `-m out` starts the branches of the step STEP of the run RUN, `-m in` joins them.

    It prints the paths of the branches to run next, as a JSON list. After `in` the list is empty, unless a loop continues.
    An iteration that was joined before is not joined again, and prints the same list.
    """
    if number is not None and mode == "out":
        raise click.UsageError("--round needs '-m in'")

    from magnus.app.fan import fan_in, fan_out  # lazy: --help needs none of it
    from magnus.engine.eviction import evictable
    from magnus.run_log.records import Status

    wanted = asked_reentry(ctx, run, said)
    own = console.reserve_output()
    with evictable(), console.reporter_of_step(own) as reporter:
        garbage.resume()
        if mode == "out":
            status, branches = fan_out(wanted, step, reporter, branches_file)
        else:
            status, branches = fan_in(wanted, step, reporter, branches_file, number)
    own.emit(json.dumps(branches) + "\n")
    return 1 if status is Status.FAIL else 0
