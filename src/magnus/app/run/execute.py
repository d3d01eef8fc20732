"""The use case *execute*: runs a prepared pipeline and writes its run log."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from magnus.app.composition import executors
from magnus.app.dispatch import step_runner
from magnus.app.inspect.run_document import keep_document
from magnus.app.run.create_run import context_of, create_run
from magnus.app.run.prepare import PreparedRun, variables_used
from magnus.engine.context import RunContext
from magnus.engine.interaction.step_secrets import learn_all
from magnus.engine.processes import liveness
from magnus.engine.processes.guard import claimed
from magnus.engine.run import orchestrator
from magnus.engine.user_code import process_state
from magnus.errors import MagnusError
from magnus.interfaces.capabilities import Locality
from magnus.interfaces.reporter import Reporter
from magnus.run_log.records import RunRecord

if TYPE_CHECKING:
    from magnus.engine.run.cached import CachedResults  # lazy: as where it is used


def execute(prepared: PreparedRun, reporter: Reporter, emit: Callable[[str], None]) -> RunRecord:
    """Run the pipeline to its end and `emit` the run log document, piece by piece; returns the finished run.

    Raises InvalidInput before any step runs, ServiceError when the failure of a service stops the run, and
    KeyboardInterrupt. If the run had started, the run log has the cause.
    """
    store = prepared.services.run_log_store
    warm_start = nullcontext() if prepared.warm_start is None else closing(prepared.warm_start)
    with warm_start, closing(store), _steps_of_one_run(prepared), context_of(prepared, reporter) as opened:
        record = create_run(prepared, liveness.this_process(), reporter)
        reenters = executors.executor_capabilities(prepared.configuration).reenters
        context = replace(opened, run_id=record.run_id, reenters=reenters)
        learn_all(prepared.services.secrets, context.masker, context.graph)  # before workers start
        try:
            executor = step_runner.executor(prepared.configuration, context, prepared.warm_start, _variables(prepared))
            with process_state.without_hard_exits(context.output_capture.original_stderr):
                announce = _announcement(context, prepared)
                ended = orchestrator.run(context, executor, record, prepared.original, announce=announce)
        except BaseException:
            with suppress(MagnusError):  # the error that is on its way matters more
                keep_document(store, record.run_id, emit, context.reporter)
            raise
        keep_document(store, record.run_id, emit, context.reporter)
    return ended


def _announcement(context: RunContext, prepared: PreparedRun) -> "Callable[[CachedResults], None] | None":
    """Shows the plan of a run with cached steps.

    None for other runs, for a run that reuses nothing, and for a run that resumes one and has its own plan.
    """
    if (
        prepared.original is not None
        or prepared.request.no_cache
        or not any(task.cache and not task.mock for task in context.graph.tasks())
    ):
        return None
    from magnus.app.run.cache_plan import announce_plan  # lazy: most pipelines have no such step

    return partial(announce_plan, context, prepared)


def _variables(prepared: PreparedRun) -> Mapping[str, str]:
    return variables_used(prepared.request.environment, prepared.pipeline, prepared.configuration)


def _steps_of_one_run(prepared: PreparedRun) -> AbstractContextManager[None]:
    """The lock of the process while steps run in it."""
    runs_on = executors.executor_capabilities(prepared.configuration).runs_on
    return claimed() if runs_on is Locality.PROCESS else nullcontext()
