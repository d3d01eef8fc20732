"""`magnus logs`: prints the output of the steps of a run."""

import click

from magnus.cli import console, options


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
    from magnus.app.inspect.find import (
        find_run,  # lazy: --help needs none of it
        find_step,
    )
    from magnus.app.inspect.read_logs import RunOutput
    from magnus.app.inspect.viewer import viewer
    from magnus.cli.text.log import no_output, with_headings
    from magnus.graph.path import print_names
    from magnus.run_log.records import Status

    with viewer(configuration_file, console.environment()) as services:
        record = find_run(services.store, run)
        one = find_step(services.store, record.run_id, step) if step else None
        output = RunOutput(services.store, services.logs, record.run_id, one)
        pieces = output.until_the_end() if follow else output.now()
        printed = False
        for data in with_headings(pieces, None if one is None else one.names, harmless=console.is_terminal()):
            if not console.emit_bytes(data):
                return 0
            printed = True
        if not printed:
            console.note(no_output(services, record, one))
        if not follow:
            return 0
        status = output.outcome
        name = f"run {record.run_id}" if one is None else f"step '{print_names(one.names)}'"
        console.note(f"{name}: {status.value}")
        return 0 if status is Status.SUCCESS else 1
