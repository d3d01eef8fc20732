"""`magnus debug`: runs a step of an earlier run again under a debugger."""

import click

from magnus.cli import console, options


@click.command(epilog="Example: magnus debug latest fit --post-mortem")
@click.argument("run")
@click.argument("step")
@options.configuration_file
@click.option(
    "--post-mortem", "mode", flag_value="post-mortem", help="Run the step, and debug where its exception is raised."
)
@click.option("--shell", "mode", flag_value="shell", help="Open a shell in the folder and the environment of the step.")
@click.option("--print", "mode", flag_value="print", help="Print the inputs of the step as JSON, and run nothing.")
def command(run: str, step: str, configuration_file: str, mode: str | None) -> int:
    """Run a step of an earlier run under a debugger.

    The step gets the parameters, files, objects and environment that it had. Its secrets are looked up again. It works in
    a copy of the project that is removed afterwards. Nothing of the run changes.

    A python step starts in pdb, a notebook is opened with the parameters in it, and for a shell step a shell is opened.
    RUN is the id of the run, a prefix of it, or `latest`. STEP is the name of a step, or its path in branches.
    """
    from magnus.app.run.debug_step import debug  # lazy: --help needs none of it
    from magnus.app.run.debug_tasks import Mode
    from magnus.run_log.records import Status

    record = debug(
        run,
        step,
        Mode(mode or "debugger"),
        configuration_file=configuration_file,
        environment=console.environment(),
        say=console.note,
    )
    console.note(f"step '{step}': {record.status.value}; the run has not changed")
    if record.message:
        console.note(record.message)
    return 0 if record.status is Status.SUCCESS else 1
