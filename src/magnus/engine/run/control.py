"""Records control work: the verbs *fan-out*, *fan-in* (with the reducer of a map) and *finish*, and the end of a run.

Called by the orchestrator and by re-entry, for engines that walk the graph themselves. `engine.rules.fan` decides what a
fan-out and a fan-in make.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from magnus.engine.context import RunContext
from magnus.engine.interaction.tracking import run_as_recorded
from magnus.engine.rules import scope as scopes
from magnus.engine.secrets.mask_run import masked
from magnus.errors import TaskFailed
from magnus.graph.nodes import CompositeNode, Reducer, TerminalNode
from magnus.graph.path import StepPath
from magnus.interfaces.reporter import BranchEnded, BranchesStarted, StepEnded, StepOutput, StepStarted, Warned
from magnus.run_log.parameters import Parameter, plain
from magnus.run_log.records import BranchScope, RunRecord, Span, Status, StepRecord, seconds, terminal_record

if TYPE_CHECKING:
    from magnus.engine.rules.fan import Outcome, Reduce  # lazy: as where they are used


def fan_out(
    context: RunContext,
    node: CompositeNode,
    path: StepPath,
    position: int,
    scope: BranchScope,
    *,
    before: StepRecord | None = None,
) -> StepRecord:
    """Start the branches of the step at `path`, or record that it failed because they cannot start.

    `before` is the record of the step when it failed earlier in this run.
    """
    from magnus.engine.rules import fan  # lazy: most pipelines have no branches

    context.reporter.report(StepStarted(path, node.written_as))
    record = fan.restart(node, fan.start(node, path, position, scope), before)
    if record.status is Status.FAIL:
        return _ended(context, record, scope, None)
    return _branched(context, record)


def fan_in(
    context: RunContext,
    node: CompositeNode,
    record: StepRecord,
    outcomes: "Iterable[Outcome]",
    scope: BranchScope,
    span: Span | None = None,
) -> StepRecord:
    """Join the branches with these outcomes; a loop may then have another iteration to run.

    `scope` is what the step itself sees, `span` when its branches were at work.
    """
    from magnus.engine.rules import fan  # lazy: as above

    record = fan.join(node, record, outcomes, reducing(context, record.path))
    if record.status is Status.PROCESSING:
        return _branched(context, record)
    return _ended(context, record, scope, span)


def _branched(context: RunContext, record: StepRecord) -> StepRecord:
    context.services.run_log_store.put_step(context.run_id, record)
    if record.branching is not None:
        context.reporter.report(BranchesStarted(record.path, record.branching))
    return record


def _ended(context: RunContext, record: StepRecord, scope: BranchScope, span: Span | None) -> StepRecord:
    message = context.masker.mask(record.message)
    record = replace(record, message=message)
    record = replace(record, scope=scopes.carried(record.position, scope, record))
    context.services.run_log_store.put_step(context.run_id, record)
    context.reporter.report(StepEnded(record.path, record.step_type, record.status, message, seconds(span)))
    return record


def reducing(context: RunContext, path: StepPath) -> "Reduce":
    """How reducers of the composite at the path are called; what they print is the output of that step."""
    from magnus.engine.files.objects import StepObjects  # lazy: as above
    from magnus.engine.user_code import process_state  # lazy: as above

    services = context.services
    objects = StepObjects(
        services.catalog, services.picklers, context.run_id, path.branch, context.script, context.masker
    )

    def reduce(reducer: Reducer, name: str, values: Sequence[Parameter]) -> Parameter:
        with (
            context.output_capture.step(
                open_log=lambda: services.open_log(context.run_id, path),
                show=lambda shown: context.reporter.report(StepOutput(path, shown)),
            ),
            process_state.applied({}, context.working_directory),
        ):
            reduced = services.reduce(reducer, name, values, objects)
        if context.masker.contains(plain(reduced)):
            raise TaskFailed("it returned a value that contains a secret, and results are kept in the run log")
        return reduced

    return reduce


def finish(context: RunContext, path: StepPath, position: int, given_up: tuple[str, ...] = ()) -> StepRecord:
    """Record that a (sub)pipeline reached its end at `path`; `given_up` is as in the record."""
    node = context.graph.step(path)
    assert isinstance(node, TerminalNode)
    status = Status.SUCCESS if node.succeeds else Status.FAIL
    record = terminal_record(path, position, status, node.written_as, context.clock.now())
    if given_up:
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
