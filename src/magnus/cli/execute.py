"""`magnus execute`: run a pipeline."""

import click

from magnus.cli import console, garbage, options
from magnus.cli.arguments import TakesParameters
from magnus.cli.asking import asked


@click.command(cls=TakesParameters, options_metavar="[OPTIONS] [--name value ...]")
@click.argument("file", required=False)
@options.applied(options.file, options.configuration_file, options.parameters_file, options.tag)
@click.option("--run-id", default="", metavar="ID", help="The id of the run; one is made when none is given.")
@click.option("--use-cached", default="", metavar="RUN", help="Reserved: runs cannot be resumed in this version.")
@options.log_level
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - one argument an option
    ctx: click.Context,
    file: str | None,
    file_option: str | None,
    configuration_file: str,
    parameters_file: str,
    tag: str,
    run_id: str,
    use_cached: str,
    log_level: str | None,  # noqa: ARG001 - read from the context
) -> int:
    """Run the pipeline FILE (pipeline.yaml when none is named) and print its run log.

    Every `--name value` that is no option is a parameter of the pipeline. Progress goes to standard error.
    """
    from magnus.app.execute import execute, prepare_to_execute  # lazy: --help needs none of it
    from magnus.run_log.records import Status

    if use_cached:
        raise click.UsageError("--use-cached: runs cannot be resumed in this version")
    wanted = asked(
        ctx,
        file=_which(file, file_option),
        configuration_file=configuration_file,
        parameters_file=parameters_file,
        tag=tag,
        run_id=run_id,
    )
    with console.reporter() as reporter:
        prepared = prepare_to_execute(wanted, reporter)
        garbage.resume()
        ended = execute(prepared, reporter, console.emit)
    return 0 if ended.status is Status.SUCCESS else 1


def _which(argument: str | None, option: str | None) -> str:
    if argument and option and argument != option:
        raise click.UsageError(f"two pipelines are named: '{argument}' and, with --file, '{option}'")
    return argument or option or "pipeline.yaml"
