"""Runs a run again in the restored project, or one of its steps a further time. Called by the hidden command `magnus run_again`.

The working directory is the restored project; the configuration is relative to the folder of the user.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from magnus.app.compare.compare_steps import record_changes
from magnus.app.compare.model import Change
from magnus.app.compare.read_run import ReadRun, alike
from magnus.app.composition import services
from magnus.app.composition.load_configuration import FOLDER_VARIABLE, load_configuration
from magnus.app.inspect.find import find_step
from magnus.app.reproduce.verdict import without_places
from magnus.app.run.original_run import importable_pipeline, original_run
from magnus.app.run.request import RunRequest
from magnus.app.run.step_again import recorded_graph, running_step, step_again, task_of
from magnus.definition import yaml_text
from magnus.engine.context import Services
from magnus.engine.step.run_step import take_through
from magnus.errors import InvalidDefinition, InvalidInput
from magnus.graph.nodes import Graph
from magnus.graph.path import print_names
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import RunRecord, Status, StepRecord
from magnus.values import Json

_INPUTS: Final = frozenset({"given", "got", "attempts"})
_LOCAL: Final = "define them at the top level of the script or of a module"


def repeating(request: RunRequest, run: str) -> RunRequest:
    """The request that runs the pipeline of the run again, with its parameters, and reuses nothing."""
    folder = request.working_directory
    configuration = load_configuration(request.configuration_file, request.environment, folder)
    with closing(services.run_log_store(configuration, folder)) as store:
        record = original_run(store, run, assume_lost=True)
    file = str(record.run_config.get("pipeline_file") or "")
    moved = _moved(file, folder, request.environment)
    is_there = _says_the_same(moved, record)
    file = moved if is_there else file
    built = importable_pipeline(record, file, fix=_LOCAL)
    return replace(
        request,
        file=file,
        built=None if is_there else built,
        tag=record.tag,
        reproduces=record.run_id,
        no_cache=True,
        until=str(record.run_config.get("until") or ""),
    )


def _moved(file: str, folder: Path, environment: Mapping[str, str]) -> str:
    """The path within the restored project of a file that was named by its absolute path within the project."""
    if Path(file).is_absolute() and FOLDER_VARIABLE in environment:
        moved = os.path.relpath(file, environment[FOLDER_VARIABLE])
        return moved if (folder / moved).is_file() else file
    return file


def _says_the_same(file: str, record: RunRecord) -> bool:
    """Whether the files still have the pipeline of the run; processes of engines can read it from there."""
    if not file.endswith((".yaml", ".yml", ".json")):
        return False
    config = record.run_config
    return all(_dag_of(name) == dag for name, dag in {file: config.get("dag"), **config.get("included", {})}.items())


def _dag_of(file: str) -> Json:
    try:
        value = yaml_text.read(file, InvalidDefinition, "the pipeline").value
    except InvalidInput:
        return None
    return value.get("dag") if isinstance(value, dict) else None


def run_steps_again(
    run: str, paths: Sequence[str], configuration_file: str, environment: Mapping[str, str]
) -> Iterator[dict[str, Json]]:
    """For each step whether it gives the same result when it runs once more with its inputs.

    Each answer has the `path`; with it `same`, and the `differences`, or `refused` with the reason why it did not run.
    """
    folder = Path.cwd()
    built = services.services(load_configuration(configuration_file, environment, folder), folder)
    with closing(built.run_log_store) as store:
        record = store.get_run(run)
        graph = recorded_graph(record, environment, folder)
        for path in paths:
            try:
                yield {"path": path, **_again(built, store, record, graph, path, environment)}
            except InvalidInput as error:
                yield {"path": path, "refused": error.problems[0].message}


def _again(
    built: Services, store: RunLogStore, run: RunRecord, graph: Graph, path: str, environment: Mapping[str, str]
) -> dict[str, Json]:
    found = find_step(store, run.run_id, path)
    node = task_of(graph, found.record, print_names(found.names))
    with (
        _without_results(found.record, Path.cwd()),
        step_again(built, run, graph, found.record.path, environment) as (context, request),
    ):
        running = running_step(context, request, node)
        take_through(running)
        places = {str(running.working_directory): "", str(Path.cwd()): "", str(running.folder): ""}
        before, after = (ReadRun(run, built.run_log_store, context.services.catalog) for _ in range(2))
        changes = record_changes(found.record, running.record, alike(before, after))
        both = {found.record.status, running.record.status}
        noise = _INPUTS | {"message"} if both == {Status.SUCCESS} else _INPUTS
        own = [change for change in without_places(list(changes), places) if change.kind not in noise]
        return {"same": not own, "differences": [_document(change) for change in own]}


def _document(change: Change) -> dict[str, Json]:
    sides = {"before": change.before, "after": change.after}
    return {"kind": change.kind, "what": change.what, **{side: v for side, v in sides.items() if v is not UNSET}}


@contextmanager
def _without_results(record: StepRecord, folder: Path) -> Iterator[None]:
    """Put the files that the step made aside, so that it finds the project as it did before."""
    names = [entry.name for entry in record.catalog if entry.stage == "put" and not entry.preexisting]
    with TemporaryDirectory(dir=folder.parent, prefix="aside-") as aside:
        moved = []
        for number, name in enumerate(names):
            if (folder / name).is_file():
                (folder / name).rename(Path(aside) / str(number))
                moved.append((Path(aside) / str(number), folder / name))
        try:
            yield
        finally:
            for place, file in moved:
                place.rename(file)
