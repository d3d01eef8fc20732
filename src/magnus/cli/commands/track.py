"""`magnus track`: sends finished runs to the experiment tracker."""

import click

from magnus.cli import console, options


@click.command(epilog="Example: magnus track latest -c tracked.yaml")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@options.configuration_file
def command(runs: tuple[str, ...], configuration_file: str) -> int:
    """Send finished runs to the experiment tracker.

    Use it for runs whose tracker could not be reached, or that had none. Values that the tracker already has stay. The
    first run that cannot be sent ends the command.

    RUN is the id of a run, a prefix of it, or `latest`.
    """
    from magnus.app.run.track_run import track  # lazy: --help needs none of it

    with console.reporter() as reporter:
        for run in runs:
            run_id, steps = track(run, configuration_file, console.environment(), reporter)
            console.emit(f"sent {run_id}: {steps} step{'' if steps == 1 else 's'}\n")
    return 0
