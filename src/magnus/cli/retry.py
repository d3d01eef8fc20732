"""`magnus retry`: run a run again, with what succeeded in it taken over."""

from typing import Unpack

import click

from magnus.cli import options
from magnus.cli.arguments import TakesParameters
from magnus.cli.asking import asked, executed


@click.command(cls=TakesParameters, options_metavar="[OPTIONS] [--name value ...]")
@click.argument("run")
@options.applied(options.file, options.configuration_file, options.parameters_file, options.tag)
@click.option("--run-id", default="", metavar="ID", help="The id of the new run; one is made when none is given.")
@options.applied(
    options.strict, options.assume_lost, options.dry_run, options.progress, options.run_log, options.log_level
)
@click.pass_context
def command(
    ctx: click.Context,
    run: str,
    *,
    file_option: str | None,
    run_id: str,
    strict: bool,
    assume_lost: bool,
    dry_run: bool,
    **said: Unpack[options.Asked],
) -> int:
    """Resume a failed or killed run.

    A new run reuses what succeeded in RUN, and runs the rest.

    It has the configuration, the pipeline and the parameters of RUN, unless others are given.
    """
    from magnus.app.prepare import configured_as  # lazy: --help needs none of it

    file = file_option or ""
    wanted = asked(ctx, said, file=file, run_id=run_id, use_cached=run, strict=strict, assume_lost=assume_lost)
    return executed(configured_as(wanted), dry_run=dry_run)
