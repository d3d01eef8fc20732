"""`magnus show`: the run log of a run, also of one that was killed."""

import click

from magnus.cli import console, options


@click.command()
@click.argument("run")
@options.configuration_file
def command(run: str, configuration_file: str) -> int:
    """Print the run log of the run RUN, built from its records; a run whose process is gone shows as lost."""
    from magnus.app.show import show  # lazy: --help needs none of it

    for line in show(run, configuration_file, console.environment()):
        console.emit(line)
    return 0
