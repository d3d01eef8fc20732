"""`magnus execute_single_node`: the re-entry command, with which an engine runs one step of a run."""

import click

from magnus.cli import console, garbage, options
from magnus.cli.arguments import TakesParameters


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
    log_level: str | None,
) -> int:
    """Run the step STEP of the run RUN; STEP is a path, its parts percent-encoded and joined by `/`."""
    from magnus.app.execute import Execution  # lazy: --help needs none of it
    from magnus.app.step import execute_step
    from magnus.run_log.records import Status

    console.set_up_logging(log_level)
    asked = Execution(
        file=file_option or "pipeline.yaml",
        configuration_file=configuration_file,
        parameters_file=parameters_file,
        arguments=ctx.obj,
        tag=tag,
        run_id=run,
        environment=console.environment(),
    )
    with console.reporter() as reporter:
        garbage.resume()
        status = execute_step(asked, step, reporter)
    return 0 if status is Status.SUCCESS else 1
