"""`magnus execute_notebook`: run one notebook, tracked as a step of a pipeline is."""

from pathlib import PurePath

import click

from magnus.cli import jobs
from magnus.cli.arguments import TakesParameters
from magnus.cli.asking import asked


@click.command("execute_notebook", cls=TakesParameters, options_metavar="[OPTIONS] [--name value ...]")
@click.argument("notebook")
@click.option("--notebook-output-path", default="", metavar="FILE", help="Where the executed notebook goes.")
@jobs.shared
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - one argument an option
    ctx: click.Context,
    notebook: str,
    notebook_output_path: str,
    configuration_file: str,
    parameters_file: str,
    tag: str,
    run_id: str,
    data_folder: str,
    put: tuple[str, ...],
    returns: tuple[str, ...],
    log_level: str | None,  # noqa: ARG001 - read from the context
) -> int:
    """Run NOTEBOOK as a pipeline of one step, and print its run log."""
    wanted = asked(
        ctx,
        file="",
        configuration_file=configuration_file,
        parameters_file=parameters_file,
        tag=tag,
        run_id=run_id,
    )
    task = {"command": notebook, "command_type": "notebook"}
    if notebook_output_path:
        task["notebook_output_path"] = notebook_output_path
    return jobs.run_job(wanted, PurePath(notebook).stem, task, data_folder=data_folder, put=put, returns=returns)
