"""`magnus fan`: the re-entry command for steps made of branches, with which an engine begins and joins them."""

import json
from typing import Unpack

import click

from magnus.cli import console, garbage, options
from magnus.cli.arguments import TakesParameters
from magnus.cli.asking import asked_reentry


@click.command("fan", cls=TakesParameters, hidden=True, epilog="Example: magnus fan calm-abel each -m out -f p.yaml")
@click.argument("run")
@click.argument("step")
@click.option("-m", "--mode", type=click.Choice(["in", "out"]), required=True, help="Begin the branches, or join them.")
@click.option(
    "--branches-file", default="", metavar="FILE", help="Write what to run next there, for engines that go by numbers."
)
@options.of_reentry
@click.pass_context
def command(
    ctx: click.Context,
    run: str,
    step: str,
    *,
    mode: str,
    branches_file: str,
    **said: Unpack[options.OfReentry],
) -> int:
    """Begin or join the branches of a step.

    With `-m out` the branches of the step STEP of the run RUN begin, with `-m in` they are joined.

    Prints the paths of the branches to run next, as a JSON list: after `in` it is empty unless a loop goes on.
    """
    from magnus.app.fan import fan_in, fan_out  # lazy: --help needs none of it
    from magnus.engine.eviction import evictable
    from magnus.run_log.records import Status

    wanted = asked_reentry(ctx, run, said)
    own = console.reserve_output()
    with evictable(), console.reporter_of_step(own) as reporter:
        garbage.resume()
        status, branches = (fan_out if mode == "out" else fan_in)(wanted, step, reporter, branches_file)
    own.emit(json.dumps(branches) + "\n")
    return 1 if status is Status.FAIL else 0
