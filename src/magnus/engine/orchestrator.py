"""Walks the graph of a run with an executor: asks the traversal what is next, does it, and records the end.

Called by `app.execute`. One thread; the records say how a step went, the executor only says when.
"""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from magnus.engine import fan, outcomes, traversal
from magnus.engine import scope as scopes
from magnus.engine.context import RunContext
from magnus.engine.masked_runs import masked
from magnus.engine.reducing import reducing
from magnus.engine.resume import Reuse
from magnus.engine.tracking import run_as_recorded
from magnus.engine.walk import Composite, Place
from magnus.errors import MagnusError, ProcessDied, RunLogStoreError, TaskFailed
from magnus.graph.nodes import CompositeNode, TaskNode
from magnus.graph.path import BranchPath, StepPath, print_names
from magnus.interfaces.executor import Executor, StepRequest
from magnus.interfaces.reporter import (
    Branched,
    BranchEnded,
    RunEnded,
    RunStarted,
    StepEnded,
    StepReused,
    StepStarted,
    Warned,
)
from magnus.run_log.records import RunRecord, Status, StepRecord, terminal_record
from magnus.run_log.spans import Span, seconds, span_of

if TYPE_CHECKING:
    from concurrent.futures import Future  # lazy: only steps that run elsewhere have one

_LOST = "lost: it ended without recording how"


def run(context: RunContext, executor: Executor, record: RunRecord, original: RunRecord | None = None) -> RunRecord:
    """Run the pipeline of the context from its first step to its end; returns the record of the ended run.

    What succeeded in `original` is taken over.
    Whatever happens, the run is recorded as ended: an interruption as FAIL with the message `interrupted`, an error
    of a service with the message of that error; both are raised again.
    """
    context.reporter.report(RunStarted(record.run_id, context.graph.name, executor.slots > 1))
    reuse = None if original is None else Reuse(context, original, record)
    walk = _Walk(context, executor, record, reuse)
    try:
        context.tracking.begin_run(run_as_recorded(context.tracked_run, record), record.parameters)
        with executor:
            status, message = walk.to_end()
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


class _Walk:
    """One way through the graph, in as many branches at once as there are.

    `waiting` are the places where something can go on, the one to go on first at the end: the deepest, so that what
    was begun is ended first. `running` are the steps that the executor has.
    """

    def __init__(self, context: RunContext, executor: Executor, record: RunRecord, reuse: Reuse | None) -> None:
        self.context = context
        self.executor = executor
        self.store = context.services.run_log_store
        self.reuse = reuse
        first = traversal.first(context.graph, BranchPath())
        self.root = Place(BranchPath(), scopes.initial(record), first, original=BranchPath() if reuse else None)
        self.waiting: list[Place | Composite] = [self.root]
        self.running: dict[Future[None], Place] = {}
        self.open: dict[StepPath, Composite] = {}

    def to_end(self) -> tuple[Status, str]:
        """Do what the traversal says until the pipeline ends; its status and the reason of its failure."""
        while self.waiting or self.running:
            while self.waiting and len(self.running) < self.executor.slots:
                self._go_on(self.waiting.pop())
            if self.running:
                self._wait()
        if self.root.succeeded:
            return Status.SUCCESS, "" if self.reuse is None else self.reuse.run_message
        return Status.FAIL, self.root.message or outcomes.reached_fail(self.context.graph.terminal(succeeds=False).name)

    def give_up(self, message: str) -> None:
        """Record what has not ended as failed."""
        for future, place in self.running.items():
            if future.cancelled():  # it never began
                continue
            step = self.store.get_step(self.context.run_id, place.action.path)
            if step is None or step.status is Status.PROCESSING:
                self._put(self._unfinished(place, step, message))
        for composite in reversed(list(self.open.values())):
            self._put(replace(composite.record, status=Status.FAIL, message=message, scope=None))

    def _go_on(self, place: Place | Composite) -> None:
        if isinstance(place, Composite):
            self._begin_branch(place)
            return
        match place.action:
            case traversal.RunStep():
                if not self._taken_over(place):
                    place.original = None
                    self._run(place)
            case traversal.FanOut():
                if not self._taken_over(place):
                    self._fan_out(place)
            case traversal.Finish(succeeds=succeeds):
                self._finish(place, succeeds=succeeds)

    def _taken_over(self, place: Place) -> bool:
        """Whether the step succeeded in the original run; then it has ended here too."""
        if self.reuse is None or place.original is None:
            return False
        path = place.action.path
        node = self.context.graph.step(path)
        known = self.reuse.reusable(place.original.step(path.name), node)
        if known is None:
            return False
        record = self.reuse.take(known, path, place.action.position, place.scope)
        self.context.tracking.end_step(self.context.tracked_run, record)
        self.context.reporter.report(StepReused(path, record.step_type))
        self._ended(place, record)
        return True

    def _run(self, place: Place, known: StepRecord | None = None) -> None:
        """Submit the step; again, with what is known of it, where the process died that ran it."""
        context = self.context
        request = StepRequest(
            run_id=context.run_id,
            path=place.action.path,
            definition_file=context.definition_file,
            configuration_file=context.configuration_file,
            tag=context.tag,
            position=place.action.position,
            scope=place.scope,
            known=known,
        )
        ended = self.executor.submit(request)
        if ended is None:
            self._ran(place, _LOST)
        else:
            self.running[ended] = place

    def _wait(self) -> None:
        from concurrent.futures import FIRST_COMPLETED, wait  # lazy: only steps that run elsewhere are waited for

        for future in wait(self.running, return_when=FIRST_COMPLETED).done:
            message, place = _LOST, self.running.pop(future)
            try:
                future.result()
            except ProcessDied as died:
                self._died(place, died)
                continue
            except TaskFailed as error:
                message = error.problems[0].message
            self._ran(place, message)

    def _died(self, place: Place, died: ProcessDied) -> None:
        """The process of the step died: that was an attempt, and another process makes the next one, or the end."""
        from magnus.engine import deaths  # lazy: few runs have a step whose process dies

        path = place.action.path
        deaths.finish_output(self.context, path, died)
        step = self.store.get_step(self.context.run_id, path)
        if step is not None and step.status is not Status.PROCESSING:
            self._ended(place, step, span_of(step))
            return
        node = self.context.graph.step(path)
        known = step or StepRecord(path, place.action.position, Status.PROCESSING, node.written_as)
        was_told = bool(known.message)  # that its place goes away: it recorded the attempt itself
        if isinstance(node, TaskNode) and (was_told or len(known.attempts) < node.max_attempts):
            known = known if was_told else deaths.with_attempt(self.context, known, died)
            self._put(replace(known, message=died.problems[0].message))  # a fresh process finds it there
            self._run(place, replace(known, message=""))
        else:  # it died on its way to the end, after the last attempt
            self._ran(place, died.problems[0].message)

    def _ran(self, place: Place, lost: str) -> None:
        """Go by the record of the step; without one that says how it ended, it failed with the message `lost`."""
        step = self.store.get_step(self.context.run_id, place.action.path)
        if step is None or step.status is Status.PROCESSING:
            step = self._unfinished(place, step, lost)
            self._put(step)
            took = seconds(span_of(step))
            self.context.reporter.report(StepEnded(step.path, step.step_type, step.status, step.message, took))
        self._ended(place, step, span_of(step))

    def _ended(self, place: Place, step: StepRecord, span: Span | None = None) -> None:
        """The step at the place has ended: what comes next there waits now."""
        succeeded = step.status is Status.SUCCESS
        place.take(step, span)
        if not succeeded:
            place.message = f"step '{print_names(step.path.parts)}' failed: {step.message}"
        place.action = traversal.following(self.context.graph, step.path, step.position, succeeded=succeeded)
        self.waiting.append(place)

    def _unfinished(self, place: Place, known: StepRecord | None, message: str) -> StepRecord:
        path = place.action.path
        node = self.context.graph.step(path)
        known = known or StepRecord(path, place.action.position, Status.PROCESSING, node.written_as)
        return replace(known, status=Status.FAIL, message=message)

    def _fan_out(self, place: Place) -> None:
        path, position = place.action.path, place.action.position
        node = self.context.graph.step(path)
        assert isinstance(node, CompositeNode)
        self.context.reporter.report(StepStarted(path, node.written_as))
        record = fan.begun(node, path, position, place.scope)
        if record.status is Status.FAIL:
            self._composite_ended(place, record, None)
            return
        self._put(record)
        self._branched(record)
        self.open[path] = composite = Composite(node, record, place)
        if self.reuse is not None and place.original is not None:
            composite.original = self.reuse.known(place.original.step(path.name))
        place.original = None
        self._fan_in_or_wait(composite)

    def _begin_branch(self, composite: Composite) -> None:
        key = composite.next_key()
        if key is None:
            return
        self.waiting.append(composite)
        branch = composite.record.path.into(key)
        scope = fan.branch_scope(composite.node, composite.record, key)
        original = composite.original_of(key)
        self.waiting.append(Place(branch, scope, traversal.first(self.context.graph, branch), composite, original))

    def _finish(self, place: Place, *, succeeds: bool) -> None:
        path, position = place.action.path, place.action.position
        status = Status.SUCCESS if succeeds else Status.FAIL
        written_as = self.context.graph.step(path).written_as
        self._put(terminal_record(path, position, status, written_as, self.context.clock.now()))
        place.succeeded = succeeds
        if place.within is not None:
            place.within.take(place)
            self.context.reporter.report(BranchEnded(place.branch, succeeds))
            self._fan_in_or_wait(place.within)

    def _fan_in_or_wait(self, composite: Composite) -> None:
        """Join the branches when all have ended; else see that those that have not begun do."""
        if not composite.has_ended:
            if not composite.waits:
                composite.waits = True
                self.waiting.append(composite)
            return
        record = fan.joined(
            composite.node, composite.record, composite.in_order(), reducing(self.context, composite.record.path)
        )
        if record.status is Status.PROCESSING:
            composite.another_round(record)
            self._put(record)
            self._branched(record)
            self._fan_in_or_wait(composite)
            return
        del self.open[record.path]
        self._composite_ended(composite.place, record, composite.span)

    def _composite_ended(self, place: Place, record: StepRecord, span: Span | None) -> None:
        message = self.context.masker.mask(record.message)
        record = replace(record, message=message)
        self._put(replace(record, scope=scopes.carried(record.position, place.scope, record)))
        self.context.reporter.report(StepEnded(record.path, record.step_type, record.status, message, seconds(span)))
        self._ended(place, record, span)

    def _branched(self, record: StepRecord) -> None:
        if record.branching is not None:
            self.context.reporter.report(Branched(record.path, record.branching))

    def _put(self, record: StepRecord) -> None:
        self.store.put_step(self.context.run_id, record)


def _end(context: RunContext, record: RunRecord, status: Status, message: str) -> RunRecord:
    message = context.masker.mask(message)
    record, warning = masked(record, context.masker, lambda: context.services.run_log_store.get_run(context.run_id))
    if warning:
        context.reporter.report(Warned(warning))
    end = context.clock.now()
    ended = replace(record, status=status, message=message, end_time=end)
    context.services.run_log_store.update_run(ended)
    context.tracking.end_run(run_as_recorded(context.tracked_run, ended), status, message)
    is_kept = context.services.run_log_store.capabilities.persistent
    took = (end - record.start_time).total_seconds()
    in_program = status is Status.FAIL and context.graph.needs_this_process()
    context.reporter.report(RunEnded(record.run_id, status, message, took, is_kept, in_program))
    return ended


def _end_if_possible(context: RunContext, walk: _Walk, record: RunRecord, message: str) -> None:
    """The run log store may be what failed; the error that is on its way matters more."""
    try:
        walk.give_up(message)
        _end(context, record, Status.FAIL, message)
    except RunLogStoreError:
        took = (context.clock.now() - record.start_time).total_seconds()
        context.reporter.report(RunEnded(record.run_id, Status.FAIL, message, took))
