"""`magnus execute_single_node`: the re-entry command, with which an engine runs one step of a run."""

import click

from magnus.cli import console, garbage, options
from magnus.cli.arguments import TakesParameters
from magnus.cli.asking import asked


@click.command("execute_single_node", cls=TakesParameters, hidden=True)
@click.argument("run")
@click.argument("step")
@options.applied(options.file, options.configuration_file, options.parameters_file, options.tag, options.log_level)
@click.pass_context
def command(
    ctx: click.Context,
    run: str,
    step: str,
    file_option: str | None,
    configuration_file: str,
    parameters_file: str,
    tag: str,
    log_level: str | None,  # noqa: ARG001 - read from the context
) -> int:
    """Run the step STEP of the run RUN; STEP is a path, its parts percent-encoded and joined by `/`."""
    from magnus.app.step import execute_step  # lazy: --help needs none of it
    from magnus.run_log.records import Status

    wanted = asked(
        ctx,
        file=file_option or "pipeline.yaml",
        configuration_file=configuration_file,
        parameters_file=parameters_file,
        tag=tag,
        run_id=run,
    )
    with console.reporter_of_step() as reporter:
        garbage.resume()
        status = execute_step(wanted, step, reporter)
    return 0 if status is Status.SUCCESS else 1
