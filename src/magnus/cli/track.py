"""`magnus track`: the experiment tracker is told of a run that it missed."""

import click

from magnus.cli import console, options


@click.command()
@click.argument("run")
@options.configuration_file
def command(run: str, configuration_file: str) -> int:
    r"""Tell the experiment tracker all of the finished run RUN.

    For a run that it missed, since its server could not be reached, or that was made without one. What the tracker
    knows already stays as it is.

    \b
    magnus track latest -c tracked.yaml
    """
    from magnus.app.track import track  # lazy: --help needs none of it

    with console.reporter() as reporter:
        run_id, steps = track(run, configuration_file, console.environment(), reporter)
    console.emit(f"told of {run_id}: {steps} step{'' if steps == 1 else 's'}\n")
    return 0
