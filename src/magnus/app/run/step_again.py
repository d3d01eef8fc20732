"""Runs one task of an earlier run again with the inputs it had. Used to debug a step, and to judge whether it is deterministic.

The step works in a copy of the project. Its records are in memory, and its files go to a folder that is gone afterwards, so
that nothing of the run changes.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from magnus.app.composition import services
from magnus.app.composition.run_context import run_context, temporary_folder
from magnus.app.inspect.viewer import steps_below
from magnus.app.run.create_run import Quiet
from magnus.app.run.load_pipeline import examine_pipeline
from magnus.app.run.original_run import importable_pipeline
from magnus.app.run.scratch_catalog import ScratchCatalog
from magnus.catalogs.file_system.catalog import FileSystemCatalog, FileSystemOptions
from magnus.engine.context import RunContext, Services
from magnus.engine.files.project_copy import ProjectCopy
from magnus.engine.step import place
from magnus.engine.step.running_step import RunningStep
from magnus.errors import InvalidDefinition, InvalidInput, in_order
from magnus.experiment_trackers.do_nothing import DoNothingOptions, DoNothingTracker
from magnus.graph.nodes import Graph, TaskNode
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.executor import StepRequest
from magnus.run_log.records import RunRecord, Status, StepRecord
from magnus.run_log_stores.buffered import BufferedOptions, BufferedRunLogStore


def recorded_graph(run: RunRecord, environment: Mapping[str, str], working_directory: Path) -> Graph:
    """The pipeline as the run had it; InvalidInput when it cannot be read any more."""
    file = str(run.run_config.get("pipeline_file") or "")
    built = importable_pipeline(run, file, fix="define them at the top level of the script or of a module")
    examination = examine_pipeline(file, built, environment, working_directory)
    if examination.pipeline is None:
        problems = (problem for problem in examination.problems if problem.severity == "error")
        raise InvalidDefinition.of(in_order(problems))
    return examination.pipeline.graph


def task_of(graph: Graph, record: StepRecord, name: str) -> TaskNode:
    """The task that the step of this name runs; InvalidInput if it runs none."""
    node = None if record.branching is not None or record.is_terminal else graph.step(record.path)
    if not isinstance(node, TaskNode) or node.is_placeholder:
        raise InvalidInput(f"'{name}' is not a task", fix="name a task in it: magnus show has their paths")
    return node


@contextmanager
def step_again(
    built: Services, run: RunRecord, graph: Graph, path: StepPath, environment: Mapping[str, str]
) -> Iterator[tuple[RunContext, StepRequest]]:
    """The context in which the step can run again while nothing of the run can be written, and the request for the step."""
    from tempfile import TemporaryDirectory  # lazy: as where steps have folders

    folder, hidden, store = Path.cwd(), services.hidden_folders(built), built.run_log_store
    position, scope = place.before(graph, store, run, path)
    parent = temporary_folder(environment)
    records = BufferedRunLogStore(BufferedOptions(), folder)
    records.create_run(run)
    for other in steps_below(store, run.run_id, BranchPath()):
        if other.path != path:
            records.put_step(run.run_id, other)
    with TemporaryDirectory(prefix="magnus-", dir=parent) as scratch:
        catalog = FileSystemCatalog(FileSystemOptions(), Path(scratch))
        shadow = replace(
            built,
            run_log_store=records,
            catalog=ScratchCatalog(built.catalog, catalog),
            experiment_tracker=DoNothingTracker(DoNothingOptions(), folder),
            experiment_tracker_settings={"type": "do-nothing", "config": {}, "working_directory": str(folder)},
        )
        opened = run_context(
            run.run_id, graph, shadow, Quiet(), working_directory=folder, temporary=parent, tag=run.tag
        )
        with opened as context:
            copying = replace(context, hidden=hidden, project_copy=ProjectCopy(folder, hidden))
            yield copying, StepRequest(run.run_id, path, "", "", run.tag, position=position, scope=scope)


def running_step(context: RunContext, request: StepRequest, node: TaskNode) -> RunningStep:
    """The step of the request, ready to be taken through."""
    assert request.position is not None
    assert request.scope is not None
    record = StepRecord(request.path, request.position, Status.PROCESSING, node.written_as)
    return RunningStep(context, node, request, record, request.scope)
