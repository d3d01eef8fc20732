"""`magnus show`: a run as a tree of its steps, also one that was killed."""

import click

from magnus.cli import console, options


@click.command(epilog="Example: magnus show latest --step fit")
@click.argument("run")
@options.configuration_file
@click.option(
    "--step", default="", metavar="STEP", help="Show everything about this step: its name, or its path in branches."
)
@click.option("--all", "everything", is_flag=True, help="Show every branch, parameter and file.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the run log document; with --step, the part about the step."
)
def command(
    run: str,
    configuration_file: str,
    step: str,
    everything: bool,  # noqa: FBT001 - an option
    as_json: bool,  # noqa: FBT001 - an option
) -> int:
    """Show a run as a tree of its steps.

    RUN is the id of the run, a prefix of it, or `latest`. A run whose process is gone shows as lost.
    """
    from magnus.cli import run_shown  # lazy: --help needs none of it

    shown = (
        run_shown.as_json(run, step, configuration_file)
        if as_json
        else run_shown.as_text(run, step, configuration_file, everything=everything)
    )
    for text in shown:
        console.emit(text)
    return 0
