"""`magnus execute`: run a pipeline."""

import click

from magnus.cli import options
from magnus.cli.arguments import TakesParameters
from magnus.cli.asking import asked, executed


@click.command(cls=TakesParameters, options_metavar="[OPTIONS] [--name value ...]")
@options.of_run
@click.option("--run-id", default="", metavar="ID", help="The id of the run; one is made when none is given.")
@options.resuming
@options.applied(options.progress, options.log_level)
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - one argument an option
    ctx: click.Context,
    file: str | None,
    file_option: str | None,
    configuration_file: str,
    parameters_file: str,
    tag: str,
    run_id: str,
    use_cached: str | None,
    strict: bool,  # noqa: FBT001 - an option
    dry_run: bool,  # noqa: FBT001 - an option
    log_level: str | None,  # noqa: ARG001 - read from the context
) -> int:
    """Run the pipeline FILE (pipeline.yaml when none is named) and print its run log.

    Every `--name value` that is no option is a parameter of the pipeline. Progress goes to standard error.
    """
    from msgspec.structs import replace  # lazy: --help needs none of it

    original, run_id = options.original_of(use_cached, run_id)
    wanted = replace(
        asked(
            ctx,
            file=options.pipeline_file(file, file_option),
            configuration_file=configuration_file,
            parameters_file=parameters_file,
            tag=tag,
            run_id=run_id,
        ),
        use_cached=original,
        strict=strict,
    )
    return executed(wanted, dry_run=dry_run)
