"""`magnus logs`: prints the output of the steps of a run."""

import click

from magnus.cli import options


@click.command(epilog="Example: magnus logs latest fit --follow")
@click.argument("run")
@click.argument("step", default="")
@options.configuration_file
@click.option(
    "-f",
    "--follow",
    is_flag=True,
    help="Follow until the run, or STEP, stops; exit with 1 if it failed or is lost.",
)
def command(run: str, step: str, configuration_file: str, follow: bool) -> int:  # noqa: FBT001 - an option
    """Print the output of the steps of a run.

    The output is in the order of the run. A line with the path of the step stands before the output of each step.

    RUN is the id of the run, a prefix of it, or `latest`. STEP is the name of a step, or its path in branches: then
    only the output of that step and of the steps inside it is printed.
    """
    from magnus.cli.text import log  # lazy: --help needs none of it

    return log.show(run, step, configuration_file, follow=follow)
