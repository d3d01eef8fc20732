"""One task without a pipeline, tracked as a step is. Used by the commands that execute one."""

from collections.abc import Mapping

import click

from magnus.cli import options
from magnus.cli.asking import asked, executed
from magnus.values import Json

shared = options.applied(
    options.configuration_file,
    options.parameters_file,
    options.tag,
    options.run_id,
    click.option("-d", "--data-folder", default="", metavar="FOLDER", help="What globs are relative to."),
    click.option(
        "-put", "--put-in-catalog", "put", multiple=True, metavar="GLOB", help="Files to keep; may be given again."
    ),
    click.option("--returns", multiple=True, metavar="NAME", help="A name for a result; again for the next one."),
    options.progress,
    options.run_log,
    options.log_level,
)
"""The options that every job has."""


class OfJob(options.Asked):
    """What `shared` says."""

    run_id: str
    data_folder: str
    put: tuple[str, ...]
    returns: tuple[str, ...]


def run_job(ctx: click.Context, name: str, task: Mapping[str, Json], said: OfJob) -> int:
    """Run the task as a pipeline of one step; the exit status."""
    from msgspec.structs import replace  # lazy: --help needs none of it

    from magnus.definition.built import BuiltPipeline
    from magnus.definition.yaml_text import Document

    data_folder, put, returns = said["data_folder"], said["put"], said["returns"]
    catalog = {"put": list(put), **({"compute_data_folder": data_folder} if data_folder else {})}
    more = {**({"catalog": catalog} if put else {}), **({"returns": list(returns)} if returns else {})}
    step = {"type": "task", **task, "next": "success", **more}
    dag = {"start_at": name, "steps": {name: step}}
    built = BuiltPipeline(Document(str(task["command"]), {"dag": dag}, {}, {}), {})
    wanted = asked(ctx, said, file=built.document.file, run_id=said["run_id"])
    return executed(replace(wanted, built=built))
