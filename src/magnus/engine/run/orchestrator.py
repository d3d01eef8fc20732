"""Runs a pipeline from its first step to its last, and records the result. Called by `app.run.execute`."""

from typing import TYPE_CHECKING

from magnus.engine.context import RunContext
from magnus.engine.interaction.tracking import run_as_recorded
from magnus.engine.rules import scope as scopes
from magnus.engine.rules import traversal
from magnus.engine.run import control
from magnus.engine.run.position import Place
from magnus.engine.run.walk import Walk
from magnus.engine.step import outcomes
from magnus.errors import MagnusError, RunLogStoreError
from magnus.graph.path import BranchPath
from magnus.interfaces.executor import Executor
from magnus.interfaces.reporter import RunEnded, RunStarted
from magnus.run_log.records import RunRecord, Status

if TYPE_CHECKING:
    from collections.abc import Callable  # lazy: a type alone

    from magnus.engine.run.cached import CachedResults  # lazy: as where it is used
    from magnus.engine.run.reuse import Reuse  # lazy: as where it is used


def run(
    context: RunContext,
    executor: Executor,
    record: RunRecord,
    original: RunRecord | None = None,
    *,
    announce: "Callable[[CachedResults], None] | None" = None,
) -> RunRecord:
    """Run the pipeline of the context from its first step to its end; returns the record of the finished run.

    The run reuses the steps that succeeded in `original`. `announce` shows, before any step runs, which cached results the
    run will reuse. In every case the end of the run is recorded: an interruption as FAIL with the message `interrupted`, an
    error of a service as FAIL with its message. Both are raised again.
    """
    context.reporter.report(RunStarted(record.run_id, context.graph.name, executor.slots > 1))
    reuse = None if original is None else _reuse(context, original, record)
    first = traversal.first(context.graph, BranchPath())
    root = Place(BranchPath(), scopes.initial(record), first, original=BranchPath() if reuse else None)
    walk = Walk(context, executor, root, reuse, cached_results(context))
    walk.until = str(record.run_config.get("until") or "")
    try:
        context.tracking.begin_run(run_as_recorded(context.tracked_run, record), record.parameters)
        if announce is not None and walk.cached is not None:
            announce(walk.cached)
        with executor:
            walk.to_end()
            status, message = _end_of(walk)
    except KeyboardInterrupt:
        walk.give_up("interrupted")
        _end(context, record, Status.FAIL, "interrupted")
        raise
    except MagnusError as error:
        _end_if_possible(context, walk, record, str(error))
        raise
    except Exception as error:  # a fault of magnus or of a plugin: it is raised again, and the run must not stay open
        _end_if_possible(context, walk, record, f"a fault: {type(error).__name__}: {error}")
        raise
    try:
        return _end(context, record, status, message)
    except MagnusError as error:  # the run did not end so, as its record could not be kept
        _end_if_possible(context, walk, record, str(error))
        raise


def _reuse(context: RunContext, original: RunRecord, record: RunRecord) -> "Reuse":
    from magnus.engine.run.reuse import Reuse  # lazy: most runs resume no other

    return Reuse(context, original, record, reads_branches=True)


def cached_results(context: RunContext) -> "CachedResults | None":
    """The results that steps with `cache` may reuse; None if there is no such step."""
    if not any(task.cache is not None for task in context.graph.tasks()):
        return None
    from magnus.engine.run.cached import CachedResults  # lazy: most pipelines have no such step

    return CachedResults(context, context.services.run_log_store.get_run(context.run_id))


def _end_of(walk: Walk) -> tuple[Status, str]:
    """The status of a finished pipeline, and the reason of its failure."""
    if walk.root.succeeded:
        messages = (
            f"it stopped after '{walk.until}', as --until says" if walk.stopped else "",
            "" if walk.reuse is None else walk.reuse.run_message,
        )
        return Status.SUCCESS, "\n".join(filter(None, messages))
    reached = outcomes.reached_fail(walk.context.graph.terminal(succeeds=False).name)
    return Status.FAIL, walk.root.message or reached


def _end(context: RunContext, record: RunRecord, status: Status, message: str) -> RunRecord:
    ended = control.end_run(context, record, status, message)
    took = ((ended.end_time or record.start_time) - record.start_time).total_seconds()
    context.reporter.report(RunEnded(record.run_id, status, ended.message, took, _commands(context, ended)))
    return ended


def _commands(context: RunContext, ended: RunRecord) -> tuple[tuple[str, str], ...]:
    """The commands to continue with; none if the run succeeded, or its run log is gone with this process."""
    store = context.services.run_log_store
    if ended.status is Status.SUCCESS or not store.capabilities.persistent:
        return ()
    from magnus.run_log.next_commands import next_commands  # lazy: most runs succeed

    return tuple(next_commands(ended, ended.status, lambda branch: store.list_steps(ended.run_id, branch)))


def _end_if_possible(context: RunContext, walk: Walk, record: RunRecord, message: str) -> None:
    """The run log store may be what failed; the error that is on its way matters more."""
    try:
        walk.give_up(message)
        _end(context, record, Status.FAIL, message)
    except RunLogStoreError:
        took = (context.clock.now() - record.start_time).total_seconds()
        context.reporter.report(RunEnded(record.run_id, Status.FAIL, message, took))
