"""The use case *end of a run*: what an engine calls when all that it ran has ended, whatever became of it.

No process of the run may have started; then the run is created here, so that it is known why nothing came of it.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

from msgspec.structs import replace

from magnus.app.composition.load_configuration import load_configuration
from magnus.app.composition.services import run_log_store
from magnus.app.reentry.acts import engine_run_of
from magnus.app.reentry.engine_reasons import EngineReasons, engine_reasons
from magnus.app.run.create_run import context_of
from magnus.app.run.prepare import PreparedRun, RunRequest, prepare
from magnus.engine.context import RunContext, now
from magnus.engine.reentry import engine_runs, gaps
from magnus.errors import MagnusError, RunNotFound
from magnus.graph.nodes import Graph
from magnus.graph.path import BranchPath
from magnus.interfaces.reporter import Reporter, StepEnded
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import RunRecord, Status, StepRecord
from magnus.run_log.run_ids import check_run_id
from magnus.run_log.spans import seconds, span_of

_SAYS: Final = "the engine says"
_INTERRUPTED: Final = "interrupted"


def end_run(asked: RunRequest, engine_status: str, engine_failures: str, reporter: Reporter) -> bool:
    """End the run `asked.run_id` as failed if no step did; whether that was so.

    `engine_failures` is what the engine says of what failed (`engine_reasons`): a stop by the user is recorded as that, and
    steps that never started get the reason.
    """
    check_run_id(asked.run_id)
    reasons = engine_reasons(engine_failures)
    configuration = load_configuration(asked.configuration_file, asked.environment, asked.working_directory)
    with closing(run_log_store(configuration, asked.working_directory)) as store:
        run = _known(store, asked)
        if run is not None and run.end_time is not None:
            _explain(store, run, reasons)
            return False
        prepared = _prepared(asked, reporter, must=run is None)
        with _opened(prepared, reporter) as context:
            if run is None:
                assert prepared is not None
                assert context is not None
                run = engine_run_of(prepared, context, reporter).created()
            graph = None if prepared is None else prepared.pipeline.graph
            message, closed = _end(store, graph, run, engine_status, reasons)
            for step in closed:
                took = seconds(span_of(step))
                reporter.report(StepEnded(step.path, step.step_type, step.status, step.message, took))
            if context is not None:
                tracked = replace(context.tracked_run, tag=asked.tag or run.tag)
                context.tracking.end_run(tracked, Status.FAIL, message)
    return True


@contextmanager
def _opened(prepared: PreparedRun | None, reporter: Reporter) -> Iterator[RunContext | None]:
    """The context of the run, where its pipeline can be read; closed afterwards."""
    if prepared is None:
        yield None
        return
    with closing(prepared.services.run_log_store), context_of(prepared, reporter) as context:
        yield context


def _known(store: RunLogStore, asked: RunRequest) -> RunRecord | None:
    """The run; None when it was never created. InvalidInput when it belongs to another workflow."""
    try:
        return engine_runs.check_owner(store.get_run(asked.run_id), asked.workflow)
    except RunNotFound:
        return None


def _prepared(asked: RunRequest, reporter: Reporter, *, must: bool) -> PreparedRun | None:
    """The pipeline; a run that is there is ended also where that cannot be read."""
    try:
        return prepare(asked, reporter, looked_at=lambda _: [])
    except MagnusError:
        if must:
            raise
        return None


def _end(
    store: RunLogStore, graph: Graph | None, run: RunRecord, engine_status: str, reasons: EngineReasons
) -> tuple[str, list[StepRecord]]:
    """Record the end of the run; gives the reason, and the steps that had not ended, as they are now."""
    message = _INTERRUPTED
    if reasons.is_stop:
        closed = gaps.close_begun(store, run.run_id, BranchPath(), _INTERRUPTED)
    else:
        closed = gaps.close_begun(store, run.run_id, BranchPath())
        if graph is not None:
            gaps.close_branch(graph, store, run.run_id, BranchPath(), lambda step: _reason(reasons, step))
        ended = f"the engine ended the run as '{engine_status}' before it reached its end"
        message = f"{ended}; {_SAYS}: {reasons.text}" if reasons.text else ended
    store.update_run(replace(run, status=Status.FAIL, message=message, end_time=now()))
    return message, closed


def _explain(store: RunLogStore, run: RunRecord, reasons: EngineReasons) -> None:
    """Record why a run failed in which no step says so itself: they never started, or the engine counts them as failed."""
    if run.status is not Status.FAIL or not reasons.text or _SAYS in run.message:
        return
    steps = store.list_steps(run.run_id, BranchPath())
    failed = [step for step in steps if step.status is Status.FAIL and not step.is_terminal]
    if any(step.message != gaps.NEVER_STARTED for step in failed):
        return
    for step in failed:
        store.put_step(run.run_id, replace(step, message=_reason(reasons, step.path.name)))
    store.update_run(replace(run, message=f"{run.message}; {_SAYS}: {reasons.text}"))


def _reason(reasons: EngineReasons, step: str) -> str:
    """The message of a step that never started."""
    reason = reasons.of(step)
    return f"{gaps.NEVER_STARTED}; {_SAYS}: {reason}" if reason else gaps.NEVER_STARTED
