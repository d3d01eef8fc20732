"""Records the end of a (sub)pipeline, the verb *finish*, and that of a run. Called by the orchestrator and by re-entry."""

from functools import partial

from msgspec.structs import replace

from magnus.engine.context import RunContext
from magnus.engine.interaction.tracking import run_as_recorded
from magnus.engine.secrets.mask_run import masked
from magnus.graph.nodes import TerminalNode
from magnus.graph.path import StepPath
from magnus.interfaces.reporter import BranchEnded, Warned
from magnus.run_log.records import RunRecord, Status, StepRecord, terminal_record


def finish(context: RunContext, path: StepPath, position: int, given_up: tuple[str, ...] = ()) -> StepRecord:
    """Record that a (sub)pipeline reached its end at `path`; `given_up` is as in the record."""
    node = context.graph.step(path)
    assert isinstance(node, TerminalNode)
    status = Status.SUCCESS if node.succeeds else Status.FAIL
    record = terminal_record(path, position, status, node.written_as, context.clock.now())
    record = replace(record, given_up=given_up)
    context.services.run_log_store.put_step(context.run_id, record)
    if path.branch.composite is not None:
        context.reporter.report(BranchEnded(path.branch, node.succeeds))
    return record


def end_run(context: RunContext, run: RunRecord, status: Status, message: str) -> RunRecord:
    """Record the end of the run, with secrets masked in all that it was started with."""
    store = context.services.run_log_store
    message = context.masker.mask(message)
    run, warning = masked(run, context.masker, partial(store.get_run, run.run_id))
    if warning:
        context.reporter.report(Warned(warning))
    ended = replace(run, status=status, message=message, end_time=context.clock.now())
    store.update_run(ended)
    context.tracking.end_run(run_as_recorded(context.tracked_run, ended), status, message)
    return ended
