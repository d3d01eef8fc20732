"""`magnus execute`: run a pipeline."""

from typing import Unpack

import click

from magnus.cli import options
from magnus.cli.arguments import TakesParameters
from magnus.cli.request import execute_request, pipeline_request


@click.command(
    cls=TakesParameters,
    options_metavar="[OPTIONS] [--name value ...]",
    epilog="Example: magnus execute pipeline.yaml -c config.yaml --x 3",
)
@options.combined(
    options.run_options,
    options.run_id,
    options.resume_options,
    options.reuse_options,
    options.progress,
    options.run_log,
    options.log_level,
)
@click.pass_context
def command(ctx: click.Context, **values: Unpack[options.RunOptions]) -> int:
    """Run a pipeline and print its run log.

    FILE is the pipeline, pipeline.yaml when none is named.

    Every `--name value` that is no option is a parameter of the pipeline. Progress goes to standard error, the run log to
    standard output.
    """
    return execute_request(pipeline_request(ctx, values), dry_run=values["dry_run"])
