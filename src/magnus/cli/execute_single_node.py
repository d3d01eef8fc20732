"""`magnus execute_single_node`: the re-entry command, with which an engine runs one step of a run."""

from typing import Final

import click

from magnus.cli import console, garbage, options
from magnus.cli.arguments import TakesParameters
from magnus.cli.asking import asked

_TRY_AGAIN: Final = 75
"""EX_TEMPFAIL of sysexits.h."""


@click.command("execute_single_node", cls=TakesParameters, hidden=True)
@click.argument("run")
@click.argument("step")
@click.option("--one-attempt", is_flag=True, help="Make one attempt; exit with 75 when it failed and there are more.")
@options.applied(
    options.file, options.configuration_file, options.parameters_file, options.tag, options.original, options.log_level
)
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - one argument an option
    ctx: click.Context,
    run: str,
    step: str,
    one_attempt: bool,  # noqa: FBT001 - an option
    file_option: str | None,
    configuration_file: str,
    parameters_file: str,
    tag: str,
    use_cached: str,
    log_level: str | None,  # noqa: ARG001 - read from the context
) -> int:
    """Run the step STEP of the run RUN; STEP is a path, its parts percent-encoded and joined by `/`."""
    from msgspec.structs import replace  # lazy: --help needs none of it

    from magnus.app.step import execute_attempt, execute_step
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
    again = False
    with console.reporter_of_step() as reporter:
        garbage.resume()
        if one_attempt:
            status, again = execute_attempt(wanted, step, reporter)
        else:
            status = execute_step(wanted, step, reporter)
    if again:
        return _TRY_AGAIN
    return 0 if status is Status.SUCCESS else 1
