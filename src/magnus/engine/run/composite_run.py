"""Runs one whole composite of a run with an executor: the walk of the orchestrator, from its fan-out to its fan-in.

Called by re-entry. If an earlier process started the composite, finished steps stand, and the other steps run.
"""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from magnus.engine.context import RunContext
from magnus.engine.processes.eviction import Evicted
from magnus.engine.rules import traversal
from magnus.engine.run.orchestrator import cached_results
from magnus.engine.run.position import Composite, Place
from magnus.engine.run.reuse import Reuse, was_taken
from magnus.engine.run.walk import Walk
from magnus.engine.step import lost_attempts, place
from magnus.graph.nodes import CompositeNode
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.executor import Executor
from magnus.interfaces.reporter import BranchEnded, BranchesStarted, StepStarted
from magnus.run_log.records import ENDED, BranchScope, CacheRecord, Span, Status, StepRecord, span_of

_TRIED_AGAIN: Final = "it had failed, and is tried again"


def run_composite(
    context: RunContext,
    executor: Executor,
    path: StepPath,
    position: int,
    scope: BranchScope,
    *,
    before: StepRecord | None = None,
    reuse: Reuse | None = None,
    original: BranchPath | None = None,
) -> StepRecord:
    """Run the composite at `path` to its end; returns its record.

    `scope` is what it sees, `before` what is recorded of it. With `reuse` it resumes what `original`, a branch of another
    run, has of it. A stop by the user is recorded as that, and raised again; when the process is evicted (`engine.processes.eviction`),
    or a service fails, the composite stays open for the next process.
    """
    root = Place(path.branch, scope, traversal.FanOut(path, position), original=original)
    walk = _CompositeWalk(context, executor, root, before, reuse)
    try:
        with executor:
            walk.to_end()
    except Evicted:
        raise
    except KeyboardInterrupt:
        walk.give_up("interrupted")
        raise
    assert walk.record is not None
    return walk.record


class _RecordedSteps:
    """The steps of one branch that a process before recorded, in order of position."""

    def __init__(self, steps: Sequence[StepRecord]) -> None:
        self._by_name = {step.path.name: step for step in steps}
        self._last = (steps[-1].path.name, steps[-1].position) if steps else ("", -1)

    def get(self, name: str) -> StepRecord | None:
        """The record of the step of this name."""
        return self._by_name.get(name)

    def place(self, name: str, position: int) -> int:
        """The position of a step that is recorded now: `position`, or one behind all that was recorded before."""
        last, its_position = self._last
        position = max(position, its_position if last == name else its_position + 1)
        self._last = (name, position)
        return position


class _CompositeWalk(Walk):
    """The walk through one composite; `record` is the record of the finished composite."""

    def __init__(
        self,
        context: RunContext,
        executor: Executor,
        root: Place,
        before: StepRecord | None,
        reuse: Reuse | None,
    ) -> None:
        super().__init__(context, executor, root, reuse, cached_results(context))
        self.record: StepRecord | None = None
        self._recorded = {root.branch: _RecordedSteps([] if before is None else [before])}
        self._begun_before: set[StepPath] = set()

    def go_on(self, at: Place | Composite) -> None:
        """Leave finished steps as they are; new records follow behind them."""
        recorded = self._recorded.get(at.branch) if isinstance(at, Place) else None
        if isinstance(at, Place) and recorded is not None:
            step, name = recorded.get(at.action.path.name), at.action.path.name
            if step is not None and step.status in ENDED and not step.is_terminal:
                at.original = at.original if was_taken(step) else None
                self.ended(at, step, span_of(step))
                return
            at.action = replace(at.action, position=recorded.place(name, at.action.position))
        super().go_on(at)

    def run_step(self, at: Place, known: StepRecord | None = None, cache: CacheRecord | None = None) -> None:
        """Submit the step, with the attempts of an earlier process; attempts that were lost with it do not count."""
        recorded = self._recorded.get(at.branch)
        step = None if recorded is None or known is not None else recorded.get(at.action.path.name)
        if step is not None:
            self.context.reporter.report(StepStarted(step.path, step.step_type))
            continued = lost_attempts.continued(step, None, self.context.clock.now())
            known = continued and lost_attempts.without_lost(continued)
        super().run_step(at, known, cache)

    def fan_out(self, at: Place) -> None:
        """Continue the branches that an earlier process started."""
        path = at.action.path
        recorded = self._recorded.get(at.branch)
        step, node = None if recorded is None else recorded.get(path.name), self.context.graph.step(path)
        if step is None or step.branching is None:
            super().fan_out(at)
            return
        assert isinstance(node, CompositeNode)
        self._begun_before.add(path)
        self.context.reporter.report(StepStarted(path, node.written_as))
        self.context.reporter.report(BranchesStarted(path, step.branching))
        self.follow_branches(Composite(node, replace(step, position=at.action.position), at))

    def enter(self, composite: Composite, branch: BranchPath) -> None:
        """Walk through the branch; a finished one stays as it is."""
        if composite.record.path in self._begun_before:
            steps = self.store.list_steps(self.context.run_id, branch)
            outcome = place.outcome_in(branch, steps)
            if outcome is not None:
                composite.take(outcome, None)
                self.context.reporter.report(BranchEnded(branch, outcome.succeeded))
                if composite.has_ended:
                    self.fan_in_or_wait(composite)
                return
            if steps:
                self._recorded[branch] = _RecordedSteps(steps)
        super().enter(composite, branch)

    def finish(self, at: Place, given_up: tuple[str, ...] = ()) -> None:
        """Record the end of a branch, with the steps that ran on another way before."""
        if self._recorded.pop(at.branch, None) is not None:
            steps = self.store.list_steps(self.context.run_id, at.branch)
            given_up = traversal.given_up(self.context.graph.within(at.branch), steps, at.action.path.name)
        super().finish(at, given_up)

    def ended(self, at: Place, step: StepRecord, span: Span | None = None) -> None:
        """Stop when the composite has finished."""
        if at is self.root:
            self.record = step
        else:
            super().ended(at, step, span)


def reopened(context: RunContext, known: StepRecord, position: int) -> StepRecord:
    """A failed composite that an engine tries again, with its record open: its successful steps stand.

    In each failed branch the first failed step waits to be tried again, behind all records of the branch.
    """
    for key in known.branching.keys if known.branching is not None else ():
        _reopen_branch(context, known.path.into(key))
    store = context.services.run_log_store
    run = store.get_run(context.run_id)
    message = _TRIED_AGAIN if known.branching is None else ""  # one that could not start has nothing else to tell it by
    record = replace(place.reopened(context.graph, store, run, known), position=position, message=message)
    store.put_step(context.run_id, record)
    return record


def _reopen_branch(context: RunContext, branch: BranchPath) -> None:
    """Let the first step wait that failed on the way to the end; a stop may have left the branch without one."""
    store, within = context.services.run_log_store, context.graph.within(branch)
    steps = store.list_steps(context.run_id, branch)
    if not steps or (steps[-1].is_terminal and steps[-1].status is Status.SUCCESS):
        return
    end = steps[-1].path.name if steps[-1].is_terminal else within.terminal(succeeds=False).name
    failed = next((step for step in traversal.way_to(within, steps, end) if step.status is Status.FAIL), None)
    if failed is None:  # it leads to its fail step, or waits for a step that never started
        return
    position = traversal.position_of(steps, failed.path)
    if isinstance(within.nodes[failed.path.name], CompositeNode):
        reopened(context, failed, position)
        return
    again = lost_attempts.tried_again(failed, context.clock.now())
    store.put_step(context.run_id, replace(again, position=position, message=_TRIED_AGAIN))
