"""Runs one step of an earlier run again, with the inputs it had, under a debugger. Called by `magnus debug`.

The step works in a copy of the project. Its records are in memory, and its files go to a folder that is gone afterwards, so
that nothing of the run changes.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

from msgspec.structs import replace

from magnus.app.composition import services
from magnus.app.composition.load_configuration import load_configuration
from magnus.app.composition.run_context import run_context, temporary_folder
from magnus.app.inspect.find import find_run, find_step
from magnus.app.inspect.viewer import steps_below
from magnus.app.run.create_run import Quiet
from magnus.app.run.debug_tasks import DebuggedTask, Mode, check_mode
from magnus.app.run.load_pipeline import examine_pipeline
from magnus.app.run.scratch_catalog import ScratchCatalog
from magnus.catalogs.file_system.catalog import FileSystemCatalog, FileSystemOptions
from magnus.definition.built_pipeline import recorded_pipeline
from magnus.engine.context import RunContext, Services
from magnus.engine.files.project_copy import ProjectCopy
from magnus.engine.output.capture import OutputCapture
from magnus.engine.secrets.mask_run import masked_parameters
from magnus.engine.step import place
from magnus.engine.step.run_step import take_through
from magnus.engine.step.running_step import RunningStep
from magnus.errors import InvalidDefinition, InvalidInput, in_order
from magnus.experiment_trackers.do_nothing import DoNothingOptions, DoNothingTracker
from magnus.graph.nodes import Graph, TaskNode
from magnus.graph.path import BranchPath, print_names
from magnus.interfaces.executor import StepRequest
from magnus.run_log.records import RunRecord, Status, StepRecord
from magnus.run_log_stores.buffered import BufferedOptions, BufferedRunLogStore


class _Uncaptured:
    """Leaves the terminal to the step."""

    tail = b""

    def step(self, **_options: Any) -> nullcontext["_Uncaptured"]:
        """Nothing is captured."""
        return nullcontext(self)


def debug(
    run: str,
    step: str,
    mode: Mode,
    *,
    configuration_file: str,
    environment: Mapping[str, str],
    say: Callable[[str], None],
) -> StepRecord:
    """Run the step of the run again as the mode says; returns its record, which is stored nowhere.

    `say` shows a line to the user. InvalidInput if there is no such run or step, the step is no task, or it has no inputs.
    """
    folder = Path.cwd()
    configuration = load_configuration(configuration_file, environment, folder)
    built = services.services(configuration, folder)
    with closing(built.run_log_store) as store:
        record = find_run(store, run)
        found = find_step(store, record.run_id, step)
        graph = _graph(record, environment, folder)
        path = found.record.path
        node = _task(graph, found.record, print_names(found.names))
        check_mode(mode, built.task_kind(node.task.kind), node.task.kind)
        for name in masked_parameters(record.parameters):
            say(f"the initial parameter '{name}' held a secret, and the run log has it masked")
        position, scope = place.before(graph, store, record, path)
        with _shadow(
            built,
            record,
            graph,
            environment,
        ) as context:
            for other in steps_below(store, record.run_id, BranchPath()):
                if other.path != path:
                    context.services.run_log_store.put_step(record.run_id, other)
            request = StepRequest(record.run_id, path, "", "", record.tag, position=position, scope=scope)
            again = StepRecord(path, position, Status.PROCESSING, node.written_as)
            node = replace(node, max_attempts=1, timeout=None)
            running = RunningStep(context, node, request, again, scope)
            running.kind = DebuggedTask(running.kind, mode, say, lambda: running.record.catalog)
            take_through(running)
            return running.record


def _graph(run: RunRecord, environment: Mapping[str, str], working_directory: Path) -> Graph:
    """The pipeline as the run had it; InvalidInput when it cannot be read any more."""
    config = run.run_config
    if local := config.get("local_functions"):
        message = f"the run '{run.run_id}' calls functions that only its program has: {', '.join(local)}"
        raise InvalidInput(message, fix="define them at the top level of the script or of a module")
    file = str(config.get("pipeline_file") or "")
    if (parent := str(Path(file).absolute().parent)) not in sys.path and file.endswith(
        ".py"
    ):  # as for a script that is run
        sys.path.insert(0, parent)
    examination = examine_pipeline(file, recorded_pipeline(config), environment, working_directory)
    if examination.pipeline is None:
        problems = (problem for problem in examination.problems if problem.severity == "error")
        raise InvalidDefinition.of(in_order(problems))
    return examination.pipeline.graph


def _task(graph: Graph, record: StepRecord, name: str) -> TaskNode:
    node = None if record.branching is not None or record.is_terminal else graph.step(record.path)
    if not isinstance(node, TaskNode) or node.is_placeholder:
        raise InvalidInput(f"'{name}' is not a task", fix="name a task in it: magnus show has their paths")
    return node


@contextmanager
def _shadow(
    built: Services,
    run: RunRecord,
    graph: Graph,
    environment: Mapping[str, str],
) -> Iterator[RunContext]:
    """The context of the run in which nothing of it can be written."""
    from tempfile import TemporaryDirectory  # lazy: as where steps have folders

    folder, hidden = Path.cwd(), services.hidden_folders(built)
    parent = temporary_folder(environment)
    store = BufferedRunLogStore(BufferedOptions(), folder)
    store.create_run(run)
    with TemporaryDirectory(prefix="magnus-", dir=parent) as scratch:
        catalog = FileSystemCatalog(FileSystemOptions(), Path(scratch))
        shadow = replace(
            built,
            run_log_store=store,
            catalog=ScratchCatalog(built.catalog, catalog),
            experiment_tracker=DoNothingTracker(DoNothingOptions(), folder),
            experiment_tracker_settings={"type": "do-nothing", "config": {}, "working_directory": str(folder)},
        )
        opened = run_context(
            run.run_id, graph, shadow, Quiet(), working_directory=folder, temporary=parent, tag=run.tag
        )
        with opened as context:
            yield replace(
                context,
                hidden=hidden,
                project_copy=ProjectCopy(folder, hidden),
                output_capture=cast("OutputCapture", _Uncaptured()),
            )
