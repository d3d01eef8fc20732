"""`magnus fan`: the re-entry command for steps made of branches, with which an engine begins and joins them."""

import json

import click

from magnus.cli import console, garbage, options
from magnus.cli.arguments import TakesParameters
from magnus.cli.asking import asked


@click.command("fan", cls=TakesParameters, hidden=True)
@click.argument("run")
@click.argument("step")
@click.option("-m", "--mode", type=click.Choice(["in", "out"]), required=True, help="Begin the branches, or join them.")
@click.option(
    "--branches-file", default="", metavar="FILE", help="Write what to run next there, for engines that go by numbers."
)
@options.applied(
    options.file,
    options.configuration_file,
    options.parameters_file,
    options.tag,
    options.original,
    options.log_level,
)
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - one argument an option
    ctx: click.Context,
    run: str,
    step: str,
    mode: str,
    branches_file: str,
    file_option: str | None,
    configuration_file: str,
    parameters_file: str,
    tag: str,
    use_cached: str,
    log_level: str | None,  # noqa: ARG001 - read from the context
) -> int:
    """Begin (`-m out`) or join (`-m in`) the branches of the step STEP of the run RUN.

    Prints the paths of the branches to run next, as a JSON list: after `in` it is empty unless a loop goes on.
    """
    from msgspec.structs import replace  # lazy: --help needs none of it

    from magnus.app.fan import fan_in, fan_out
    from magnus.run_log.records import Status

    wanted = asked(
        ctx,
        file=file_option or "pipeline.yaml",
        configuration_file=configuration_file,
        parameters_file=parameters_file,
        tag=tag,
        run_id=run,
    )
    wanted = replace(wanted, use_cached=use_cached)
    with console.reporter_of_step() as reporter:
        garbage.resume()
        status, branches = (fan_out if mode == "out" else fan_in)(wanted, step, reporter, branches_file)
    console.emit(json.dumps(branches) + "\n")
    return 1 if status is Status.FAIL else 0
