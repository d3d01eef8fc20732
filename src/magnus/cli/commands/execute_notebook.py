"""`magnus execute_notebook`: runs one notebook as a tracked step."""

from pathlib import PurePath
from typing import Unpack

import click

from magnus.cli import single_task
from magnus.cli.arguments import TakesParameters


@click.command(
    "execute_notebook",
    cls=TakesParameters,
    options_metavar="[OPTIONS] [--name value ...]",
    epilog='Example: magnus execute_notebook plot.ipynb --rate 0.1 -put "*.png"',
)
@click.argument("notebook")
@click.option("--notebook-output-path", default="", metavar="FILE", help="The file for the executed notebook.")
@single_task.shared
@click.pass_context
def command(
    ctx: click.Context, notebook: str, *, notebook_output_path: str, **values: Unpack[single_task.TaskOptions]
) -> int:
    """Run one notebook as a tracked step.

    The run log of the one step is printed.
    """
    task = {"command": notebook, "command_type": "notebook"}
    if notebook_output_path:
        task["notebook_output_path"] = notebook_output_path
    return single_task.run_task(ctx, PurePath(notebook).stem, task, values)
