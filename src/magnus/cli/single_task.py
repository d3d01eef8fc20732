"""Runs one task as a pipeline of one step, for the commands that execute one."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from magnus.cli import console, options
from magnus.cli.request import execute_request, run_request
from magnus.values import Json

if TYPE_CHECKING:
    from magnus.errors import Problem
    from magnus.graph.nodes import Return

_KINDS: Final = ("json", "metric", "object")

shared = options.combined(
    options.configuration_file,
    options.parameters_file,
    options.tag,
    options.run_id,
    click.option("-d", "--data-folder", default="", metavar="FOLDER", help="The folder that globs are relative to."),
    click.option(
        "-put",
        "--put-in-catalog",
        "put",
        multiple=True,
        metavar="GLOB",
        help="Files to put into the catalog; repeatable.",
    ),
    click.option(
        *("--returns", "declared"),
        callback=lambda _context, _option, names: tuple(map(_declaration, names)),
        multiple=True,
        metavar="NAME",
        help="A name for a result, or NAME:metric, NAME:object, NAME:object:FORMAT; repeatable.",
    ),
    options.progress,
    options.run_log,
    options.log_level,
)
"""The options that every job has."""


class TaskOptions(options.CommonOptions):
    """The values of `shared`."""

    run_id: str
    data_folder: str
    put: tuple[str, ...]
    declared: tuple[dict[str, str], ...]


def check_results(function: str, values: TaskOptions) -> None:
    """Warn of results of a function that get no names, as far as its source tells; InvalidInput when they cannot get them."""
    from msgspec import convert  # lazy: --help needs none of it

    from magnus.errors import InvalidInput
    from magnus.graph.nodes import Return

    problems = list(_result_problems(function, convert(values["declared"], tuple[Return, ...])))
    if errors := [problem for problem in problems if problem.severity == "error"]:
        raise InvalidInput.of(errors)
    for problem in problems:
        console.note(str(problem))


def _result_problems(function: str, returns: "Sequence[Return]") -> "Iterator[Problem]":
    """The problems of the names of results, from the source of the function alone, with options as their fixes."""
    from msgspec.structs import replace  # lazy: --help needs none of it

    from magnus.graph.nodes import TaskSpec
    from magnus.tasks.static import results
    from magnus.tasks.static.functions import describe

    fixes = {
        results.FIX_UNNAMED: "the value is dropped; to keep it, give it a name: --returns NAME",
        results.FIX_COUNT: "give --returns NAME once for each value that it returns, in order",
    }
    spec = TaskSpec("python", function, returns=tuple(returns) or None)
    for problem in describe(spec, Path.cwd(), imports=False).problems:
        if problem.fix in fixes:
            yield replace(problem, fix=fixes[problem.fix])


def _declaration(text: str) -> dict[str, str]:
    """The item of `returns` that `NAME`, `NAME:KIND` or `NAME:object:FORMAT` says."""
    rest, _, last = text.rpartition(":")
    name, _, word = rest.rpartition(":")
    if not rest and last == text:
        return {"name": text}
    if word == "object" and name and last:
        return {"name": name, "kind": word, "format": last}
    if word != "object" and rest and last in _KINDS:
        return {"name": rest, "kind": last}
    message = f"'{text}' is not NAME, NAME:KIND or NAME:object:FORMAT, where KIND is one of {', '.join(_KINDS)}"
    raise click.BadParameter(message, param_hint="--returns")


def run_task(ctx: click.Context, name: str, task: Mapping[str, Json], values: TaskOptions) -> int:
    """Run the task as a pipeline of one step; the exit status."""
    from msgspec.structs import replace  # lazy: --help needs none of it

    from magnus.definition.built_pipeline import BuiltPipeline
    from magnus.definition.yaml_text import Document

    data_folder, put, returns = values["data_folder"], values["put"], values["declared"]
    catalog = {"put": list(put), **({"compute_data_folder": data_folder} if data_folder else {})}
    more = {**({"catalog": catalog} if put else {}), **({"returns": list(returns)} if returns else {})}
    step = {"type": "task", **task, "next": "success", **more}
    dag = {"start_at": name, "steps": {name: step}}
    built = BuiltPipeline(Document(str(task["command"]), {"dag": dag}, {}, {}), {})
    request = run_request(ctx, values, file=built.document.file, run_id=values["run_id"])
    return execute_request(replace(request, built=built))
