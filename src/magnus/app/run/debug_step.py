"""Runs one step of an earlier run again, with the inputs it had, under a debugger. Called by `magnus debug`.

Nothing of the run changes, as `step_again` sees to.
"""

from collections.abc import Callable, Mapping
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any, cast

from msgspec.structs import replace

from magnus.app.composition import services
from magnus.app.composition.load_configuration import load_configuration
from magnus.app.inspect.find import find_run, find_step
from magnus.app.run.debug_tasks import DebuggedTask, Mode, check_mode
from magnus.app.run.step_again import recorded_graph, running_step, step_again, task_of
from magnus.engine.output.capture import OutputCapture
from magnus.engine.secrets.mask_run import masked_parameters
from magnus.engine.step.run_step import take_through
from magnus.graph.path import print_names
from magnus.run_log.records import StepRecord


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
        graph = recorded_graph(record, environment, folder)
        node = task_of(graph, found.record, print_names(found.names))
        check_mode(mode, built.task_kind(node.task.kind), node.task.kind)
        for name in masked_parameters(record.parameters):
            say(f"the initial parameter '{name}' held a secret, and the run log has it masked")
        with step_again(built, record, graph, found.record.path, environment) as (opened, request):
            context = replace(opened, output_capture=cast("OutputCapture", _Uncaptured()))
            running = running_step(context, request, replace(node, max_attempts=1, timeout=None))
            running.kind = DebuggedTask(running.kind, mode, say, lambda: running.record.catalog)
            take_through(running)
            return running.record
