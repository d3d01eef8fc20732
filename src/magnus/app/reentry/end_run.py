"""The use case *end of a run*: an engine calls it after its last process, with its status and its failures.

If no process of the run has started, the run is created here, so that its record has the reason. The transpiler of the
configuration reads the failures, since every engine has a form of its own; a text that nobody reads is shown as it is.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Final, TypeAlias

from msgspec.structs import replace

from magnus.app.composition import executors
from magnus.app.composition.configuration import Configuration
from magnus.app.composition.load_configuration import load_configuration
from magnus.app.composition.services import run_log_store
from magnus.app.reentry.acts import engine_run_of
from magnus.app.run.create_run import context_of
from magnus.app.run.prepare import PreparedRun, prepare
from magnus.app.run.request import RunRequest
from magnus.engine.context import RunContext, now
from magnus.engine.reentry import engine_runs
from magnus.engine.step import lost_attempts
from magnus.errors import MagnusError, RunNotFound
from magnus.graph.nodes import Graph
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.reporter import Reporter, StepEnded
from magnus.interfaces.run_log_store import RunLogStore
from magnus.interfaces.transpiler import ExplainsFailures, FailureReasons
from magnus.run_log.records import RunRecord, Status, StepRecord, seconds, span_of
from magnus.run_log.run_ids import check_run_id

_SAYS: Final = "the engine says"
_INTERRUPTED: Final = "interrupted"

_MOST_MESSAGES: Final = 3
_LONGEST_MESSAGE: Final = 500

Explain: TypeAlias = Callable[[Sequence[StepPath]], FailureReasons]
"""Returns the reasons of the engine, with those about the steps of these paths."""


def end_run(request: RunRequest, engine_status: str, engine_failures: str, reporter: Reporter) -> bool:
    """Record the run `request.run_id` as failed if no step has finished it; returns whether it did.

    `engine_failures` has the failures in the form of the engine. A stop by the user is recorded as a stop. Steps that
    never started get the reason.
    """
    check_run_id(request.run_id)
    configuration = load_configuration(request.configuration_file, request.environment, request.working_directory)
    explain = partial(_explainer(configuration), engine_status, engine_failures)
    with closing(run_log_store(configuration, request.working_directory)) as store:
        run = _existing_run(store, request)
        if run is not None and run.end_time is not None:
            _add_reasons(store, run, explain)
            return False
        prepared = _prepared(request, reporter, must=run is None)
        with _opened(prepared, reporter) as context:
            if run is None:
                assert prepared is not None
                assert context is not None
                run = engine_run_of(prepared, context, reporter).created()
            graph = None if prepared is None else prepared.pipeline.graph
            message, closed = _end(store, graph, run, engine_status, explain)
            for step in closed:
                took = seconds(span_of(step))
                reporter.report(StepEnded(step.path, step.step_type, step.status, step.message, took))
            if context is not None:
                tracked = replace(context.tracked_run, tag=request.tag or run.tag)
                context.tracking.end_run(tracked, Status.FAIL, message)
    return True


def _explainer(configuration: Configuration) -> Callable[[str, str, Sequence[StepPath]], FailureReasons]:
    """The method of the configured transpiler that reads the failures, or `_unread` when it has none."""
    try:
        transpiler: object = executors.transpiler(configuration)
    except MagnusError:  # an existing run is finished all the same
        return _unread
    return transpiler.explain_failures if isinstance(transpiler, ExplainsFailures) else _unread


def _unread(_status: str, failures: str, _steps: Sequence[StepPath]) -> FailureReasons:
    """The text of the engine as the one reason, if there is any."""
    text = failures.strip()
    return FailureReasons((text,) if text else ())


@contextmanager
def _opened(prepared: PreparedRun | None, reporter: Reporter) -> Iterator[RunContext | None]:
    """The context of the run, where its pipeline can be read; closed afterwards."""
    if prepared is None:
        yield None
        return
    with closing(prepared.services.run_log_store), context_of(prepared, reporter) as context:
        yield context


def _existing_run(store: RunLogStore, request: RunRequest) -> RunRecord | None:
    """The run; None when it was never created. InvalidInput when it belongs to another workflow."""
    try:
        return engine_runs.check_owner(store.get_run(request.run_id), request.workflow)
    except RunNotFound:
        return None


def _prepared(request: RunRequest, reporter: Reporter, *, must: bool) -> PreparedRun | None:
    """The prepared run; None if its pipeline cannot be read, since an existing run is finished all the same."""
    try:
        return prepare(request, reporter, step_filter=lambda _: [], continues=True)
    except MagnusError:
        if must:
            raise
        return None


def _end(
    store: RunLogStore, graph: Graph | None, run: RunRecord, engine_status: str, explain: Explain
) -> tuple[str, list[StepRecord]]:
    """Record the end of the run; returns the reason, and the records of the steps that had not finished."""
    top = BranchPath()
    reasons = explain([top.step(name) for name in graph.nodes] if graph is not None else [])
    message = _INTERRUPTED
    if reasons.is_stop:
        closed = lost_attempts.close_open_steps(store, run.run_id, top, _INTERRUPTED)
    else:
        closed = lost_attempts.close_open_steps(store, run.run_id, top)
        if graph is not None:
            engine_runs.close_branch(graph, store, run.run_id, top, lambda name: _reason(reasons, top.step(name)))
        outcome = f"the engine stopped the run as '{engine_status}' before it reached its end"
        message = _with_reasons(outcome, reasons)
    store.update_run(replace(run, status=Status.FAIL, message=message, end_time=now()))
    return message, closed


def _add_reasons(store: RunLogStore, run: RunRecord, explain: Explain) -> None:
    """Record why a run failed in which no step says so itself: they never started, or the engine counts them as failed."""
    if run.status is not Status.FAIL or _SAYS in run.message:
        return
    steps = store.list_steps(run.run_id, BranchPath())
    failed = [step for step in steps if step.status is Status.FAIL and not step.is_terminal]
    if any(step.message != engine_runs.NEVER_STARTED for step in failed):
        return
    reasons = explain([step.path for step in failed])
    if not reasons.messages:
        return
    for step in failed:
        store.put_step(run.run_id, replace(step, message=_reason(reasons, step.path)))
    store.update_run(replace(run, message=_with_reasons(run.message, reasons)))


def _reason(reasons: FailureReasons, step: StepPath) -> str:
    """The message of a step that never started."""
    reason = reasons.steps.get(step, "")[:_LONGEST_MESSAGE]
    return f"{engine_runs.NEVER_STARTED}; {_SAYS}: {reason}" if reason else engine_runs.NEVER_STARTED


def _with_reasons(outcome: str, reasons: FailureReasons) -> str:
    """The outcome with the first few messages of the engine, if there are any, and the advice."""
    messages = reasons.messages
    if not messages:
        return outcome
    first = [message[:_LONGEST_MESSAGE] for message in messages[:_MOST_MESSAGES]]
    more = [f"and {len(messages) - _MOST_MESSAGES} more"] if len(messages) > _MOST_MESSAGES else []
    advice = [reasons.advice] if reasons.advice else []
    return f"{outcome}; {_SAYS}: {'; '.join([*first, *more, *advice])}"
