"""`magnus track`: sends a finished run to the experiment tracker."""

import click

from magnus.cli import console, options


@click.command(epilog="Example: magnus track latest -c tracked.yaml")
@click.argument("run")
@options.configuration_file
def command(run: str, configuration_file: str) -> int:
    """Send a finished run to the experiment tracker.

    Use it for a run whose tracker could not be reached, or that had none. Values that the tracker already has stay.

    RUN is the id of the run, a prefix of it, or `latest`.
    """
    from magnus.app.run.track_run import track  # lazy: --help needs none of it

    with console.reporter() as reporter:
        run_id, steps = track(run, configuration_file, console.environment(), reporter)
    console.emit(f"sent {run_id}: {steps} step{'' if steps == 1 else 's'}\n")
    return 0
