"""`magnus init`: write a small project that runs."""

import click

from magnus.cli import console


@click.command(epilog="Example: magnus init forecast")
@click.argument("folder", default=".", metavar="[FOLDER]")
def command(folder: str) -> int:
    """Write a small project that runs.

    The project has a pipeline, its functions, parameters, a configuration and tests. It runs at once; nothing has to be
    installed. FOLDER is made if it is missing; without it, the project is written to the working directory.

    No file is overwritten: if one is there already, nothing is written.
    """
    from magnus.app.new_project.write_project import write_project  # lazy: --help needs none of it
    from magnus.cli.text.new_project import next_commands

    files = write_project(folder)
    console.emit(next_commands(folder, files))
    return 0
