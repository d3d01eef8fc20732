"""`magnus import`: brings the runs of an archive into the stores of the configuration."""

import click

from magnus.cli import console, options


@click.command(epilog="Example: magnus import runs.tar -c team.yaml")
@click.argument("file", metavar="FILE")
@options.configuration_file
def command(file: str, configuration_file: str) -> int:
    """Bring exported runs into the stores of this project.

    FILE is what `magnus export` wrote. All of it is verified before anything is written. Runs that are there already stay as
    they are; if another run has the id of one in FILE, nothing is imported.
    """
    from magnus.app.transfer.import_runs import import_runs  # lazy: --help needs none of it

    result = import_runs(file, configuration_file, console.environment())
    for run in result.runs:
        steps = f"{run.steps} step{'' if run.steps == 1 else 's'}"
        console.emit(f"imported {run.run_id}: {steps}\n" if run.is_new else f"{run.run_id} is there already\n")
    if not any(run.is_new for run in result.runs):
        console.emit("nothing was changed\n")
    elif not result.keeps_logs:
        console.note("warning: the catalog does not keep the output of steps")
    return 0
