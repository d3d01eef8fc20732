"""`magnus execute`: run a pipeline."""

from typing import Unpack

import click

from magnus.cli import options
from magnus.cli.arguments import TakesParameters
from magnus.cli.request import asked_run, executed


@click.command(
    cls=TakesParameters,
    options_metavar="[OPTIONS] [--name value ...]",
    epilog="Example: magnus execute pipeline.yaml -c config.yaml --x 3",
)
@options.applied(options.of_run, options.run_id, options.resuming, options.progress, options.run_log, options.log_level)
@click.pass_context
def command(ctx: click.Context, **said: Unpack[options.OfRun]) -> int:
    """Run a pipeline and print its run log.

    FILE is the pipeline, pipeline.yaml when none is named.

    Every `--name value` that is no option is a parameter of the pipeline. Progress goes to standard error, the run log to
    standard output.
    """
    return executed(asked_run(ctx, said), dry_run=said["dry_run"])
