"""`magnus retry`: run a run again, with what succeeded in it taken over."""

import click

from magnus.cli import options
from magnus.cli.arguments import TakesParameters
from magnus.cli.asking import asked, executed


@click.command(cls=TakesParameters, options_metavar="[OPTIONS] [--name value ...]")
@click.argument("run")
@options.applied(options.file, options.configuration_file, options.parameters_file, options.tag)
@click.option("--run-id", default="", metavar="ID", help="The id of the new run; one is made when none is given.")
@options.applied(options.strict, options.dry_run, options.progress, options.log_level)
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - one argument an option
    ctx: click.Context,
    run: str,
    file_option: str | None,
    configuration_file: str,
    parameters_file: str,
    tag: str,
    run_id: str,
    strict: bool,  # noqa: FBT001 - an option
    dry_run: bool,  # noqa: FBT001 - an option
    log_level: str | None,  # noqa: ARG001 - read from the context
) -> int:
    """Go on with the run RUN: a new run, in which what succeeded in RUN is not run again.

    It has the configuration, the pipeline and the parameters of RUN, unless others are given.
    """
    from msgspec.structs import replace  # lazy: --help needs none of it

    from magnus.app.prepare import configured_as

    wanted = replace(
        asked(
            ctx,
            file=file_option or "",
            configuration_file=configuration_file,
            parameters_file=parameters_file,
            tag=tag,
            run_id=run_id,
        ),
        use_cached=run,
        strict=strict,
    )
    return executed(configured_as(wanted), dry_run=dry_run)
