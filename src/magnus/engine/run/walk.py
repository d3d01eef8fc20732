"""Walks the graph of a run with an executor: asks the traversal what is next, and does it.

Used by the orchestrator, for a whole run, and where an engine runs a composite in one job. One thread; the records say how a
step went, the executor only says when.
"""

from time import monotonic, sleep
from typing import TYPE_CHECKING

from msgspec.structs import replace

from magnus.engine.context import RunContext
from magnus.engine.files.spilling_store import result_of
from magnus.engine.rules import traversal
from magnus.engine.run import control
from magnus.engine.run.position import Composite, Place
from magnus.errors import ProcessDied, TaskFailed
from magnus.graph.nodes import CompositeNode, TaskNode, graphs_of
from magnus.graph.path import BranchPath, StepPath, print_names
from magnus.interfaces.executor import Executor, RunsComposites, SharesFolders, StepRequest
from magnus.interfaces.reporter import StepEnded
from magnus.run_log.records import Span, Status, StepRecord, seconds, span_of

if TYPE_CHECKING:
    from concurrent.futures import Future  # lazy: only steps in other processes have one
    from queue import SimpleQueue  # lazy: as above

    from magnus.engine.run.cached import CachedResults  # lazy: as where it is used
    from magnus.engine.run.reuse import Reuse  # lazy: as where it is used
    from magnus.run_log.records import CacheRecord  # lazy: as above

_PAUSE_SECONDS = 0.2
_LOST = "lost: its process exited without a record of the result"


class Walk:
    """One way through the graph from `root` on, in as many branches at once as there are.

    `waiting` are the branches and composites that can continue. The last one continues first: it is the deepest, so that
    started branches finish first. `running` are the steps that the executor has. After the success of the step `until`
    outside branches the run has finished; `stopped` says so.
    """

    def __init__(
        self,
        context: RunContext,
        executor: Executor,
        root: Place,
        reuse: "Reuse | None",
        cached: "CachedResults | None" = None,
    ) -> None:
        self.context = context
        self.executor = executor
        self.store = context.services.run_log_store
        self.reuse = reuse
        self.cached = cached
        self.root = root
        self.waiting: list[Place | Composite] = [root]
        self.running: dict[Future[None], Place] = {}
        self.until = ""
        self.stopped = False
        self._runs_together = executor.runs_together if isinstance(executor, RunsComposites) else None
        self._late_seconds = executor.late_seconds if isinstance(executor, SharesFolders) else 0.0
        self._deaths: dict[StepPath, int] = {}
        self._ended: SimpleQueue[Future[None]] | None = None
        self.open: dict[StepPath, Composite] = {}

    def to_end(self) -> None:
        """Do what the traversal says until nothing is left to do."""
        while self.waiting or self.running:
            while self.waiting and len(self.running) < self.executor.slots:
                self.go_on(self.waiting.pop())
            if self.running:
                self._wait()

    def give_up(self, message: str) -> None:
        """Record unfinished steps as failed."""
        for future, place in self.running.items():
            if future.cancelled():  # it never started
                continue
            step = self.store.get_step(self.context.run_id, place.action.path)
            if step is None or step.status is Status.PROCESSING:
                self._put(self._unfinished(place, step, message))
        for composite in reversed(list(self.open.values())):
            self._put(replace(composite.record, status=Status.FAIL, message=message, scope=None))

    def go_on(self, place: Place | Composite) -> None:
        """Do what comes next there."""
        if isinstance(place, Composite):
            self._begin_branch(place)
            return
        match place.action:
            case traversal.RunStep():
                if not self._is_reused(place):
                    place.original = None
                    self._run_or_reuse_result(place)
            case traversal.FanOut():
                if not self._is_reused(place):
                    self._fan_out_or_submit(place)
            case traversal.Finish():
                self.finish(place)

    def _is_reused(self, place: Place) -> bool:
        """Whether the step succeeded in the original run; then its record is reused."""
        if self.reuse is None or place.original is None:
            return False
        path, position = place.action.path, place.action.position
        record = self.reuse.step(place.original.step(path.name), path, position, place.scope)
        if record is None:
            return False
        self.ended(place, record)
        return True

    def _run_or_reuse_result(self, place: Place) -> None:
        """Run the step, unless an earlier step with the same key has the result."""
        if self.cached is None:
            self.run_step(place)
            return
        decision = self.cached.decide(place.action.path, place.action.position, place.scope)
        if isinstance(decision, StepRecord):
            self.ended(place, decision)
        else:
            self.run_step(place, cache=decision)

    def _fan_out_or_submit(self, place: Place) -> None:
        """Start the branches of the composite, or submit it, if the executor runs it with all of them in one process."""
        if self._runs_together is not None and self._runs_together(place.action.path):
            place.original = None
            self.run_step(place)
        else:
            self.fan_out(place)

    def run_step(self, place: Place, known: StepRecord | None = None, cache: "CacheRecord | None" = None) -> None:
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
            record=known,
            cache=cache,
        )
        future = self.executor.submit(request)
        if future is None:
            self._ran(place, _LOST)
            return
        if self._ended is None:
            from queue import SimpleQueue  # lazy: only steps in other processes are waited for

            self._ended = SimpleQueue()
        self.running[future] = place
        future.add_done_callback(self._ended.put)

    def _wait(self) -> None:
        assert self._ended is not None
        for future in [self._ended.get(), *(self._ended.get() for _ in range(self._ended.qsize()))]:
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
        from magnus.engine.step import lost_attempts  # lazy: few runs have a step whose process dies

        path = place.action.path
        lost_attempts.finish_output(self.context, path, died)
        step = self.store.get_step(self.context.run_id, path)
        if step is not None and step.status is not Status.PROCESSING:
            self.ended(place, step, span_of(step))
            return
        node = self.context.graph.step(path)
        known = step or StepRecord(path, place.action.position, Status.PROCESSING, node.written_as)
        was_told = bool(known.message)  # that its place goes away: it recorded the attempt itself
        if isinstance(node, CompositeNode) and self._has_deaths_left(node, path):
            self.run_step(place)
        elif isinstance(node, TaskNode) and (
            was_told or len(known.attempts) - known.earlier_attempts < node.max_attempts
        ):
            add = lost_attempts.with_reason if was_told else lost_attempts.with_attempt
            known = add(self.context, known, died)
            self._put(replace(known, message=died.problems[0].message))  # a fresh process finds it there
            self.run_step(place, replace(known, message=""))
        else:  # it died on its way to the end, after the last attempt
            self._ran(place, died.problems[0].message)

    def _has_deaths_left(self, node: CompositeNode, path: StepPath) -> bool:
        """Whether another process continues the composite after the death of one: as often as a task in it is attempted."""
        self._deaths[path] = self._deaths.get(path, 0) + 1
        most = max((task.max_attempts for graph in graphs_of(node) for task in graph.tasks()), default=1)
        return self._deaths[path] < most

    def _ran(self, place: Place, lost: str) -> None:
        """Take the result from the record of the step; if the record is open, the step failed with the message `lost`."""
        step = self._result_of(place, is_there=lost is _LOST)
        if step is None or step.status is Status.PROCESSING:
            step = self._unfinished(place, step, lost)
            self._put(step)
            took = seconds(span_of(step))
            self.context.reporter.report(StepEnded(step.path, step.step_type, step.status, step.message, took))
        elif self.cached is not None:
            self.cached.keep(step)
        self.ended(place, step, span_of(step))

    def _result_of(self, place: Place, *, is_there: bool) -> StepRecord | None:
        """The record of the step; if `is_there`, other machines wrote it, and it may be seen here late."""
        step = result_of(self.store, self.context.run_id, place.action.path)
        deadline = monotonic() + self._late_seconds
        while is_there and (step is None or step.status is Status.PROCESSING) and monotonic() < deadline:
            sleep(_PAUSE_SECONDS)
            step = result_of(self.store, self.context.run_id, place.action.path)
        return step

    def ended(self, place: Place, step: StepRecord, span: Span | None = None) -> None:
        """Note that the step has finished; the next step of its branch waits now."""
        succeeded = step.status is Status.SUCCESS
        place.take(step, span)
        if not succeeded:
            place.message = f"step '{print_names(step.path.parts)}' failed: {step.message}"
        if succeeded and step.path.name == self.until and place is self.root:
            self.stopped = True
            end = step.path.branch.step(self.context.graph.terminal(succeeds=True).name)
            place.action = traversal.Finish(end, step.position + 1, succeeds=True)
        else:
            place.action = traversal.following(self.context.graph, step.path, step.position, succeeded=succeeded)
        self.waiting.append(place)

    def _unfinished(self, place: Place, known: StepRecord | None, message: str) -> StepRecord:
        path = place.action.path
        node = self.context.graph.step(path)
        known = known or StepRecord(path, place.action.position, Status.PROCESSING, node.written_as)
        for key in known.branching.keys if known.branching is not None else ():  # one process ran them, and is gone
            from magnus.engine.step import lost_attempts  # lazy: as above

            lost_attempts.close_open_steps(self.store, self.context.run_id, path.into(key), message)
        return replace(known, status=Status.FAIL, message=message)

    def fan_out(self, place: Place) -> None:
        """Start the branches of the composite that comes next."""
        path, position = place.action.path, place.action.position
        node = self.context.graph.step(path)
        assert isinstance(node, CompositeNode)
        record = control.fan_out(self.context, node, path, position, place.scope)
        if record.status is Status.FAIL:
            self.ended(place, record)
        else:
            self.follow_branches(Composite(node, record, place))

    def follow_branches(self, composite: Composite) -> None:
        """Walk through the branches of a composite that have started."""
        path, place = composite.record.path, composite.place
        self.open[path] = composite
        if self.reuse is not None and place.original is not None:
            composite.original = self.reuse.known(place.original.step(path.name))
        place.original = None
        self.fan_in_or_wait(composite)

    def _begin_branch(self, composite: Composite) -> None:
        key = composite.next_key()
        if key is None:
            return
        self.waiting.append(composite)
        self.enter(composite, composite.record.path.into(key))

    def enter(self, composite: Composite, branch: BranchPath) -> None:
        """Walk through the branch from its first step on."""
        from magnus.engine.rules import fan  # lazy: most pipelines have no branches

        key = branch.parts[-1]
        scope = fan.branch_scope(composite.node, composite.record, key)
        original = composite.original_of(key)
        self.waiting.append(Place(branch, scope, traversal.first(self.context.graph, branch), composite, original))

    def finish(self, place: Place, given_up: tuple[str, ...] = ()) -> None:
        """Record the end that the (sub)pipeline reached; `given_up` is as in the record."""
        record = control.finish(self.context, place.action.path, place.action.position, given_up)
        place.succeeded = record.status is Status.SUCCESS
        if place.within is not None:
            place.within.take(place.outcome(), place.span)
            self.fan_in_or_wait(place.within)

    def fan_in_or_wait(self, composite: Composite) -> None:
        """Join the branches if all have finished; else let the other branches start."""
        if not composite.has_ended:
            if not composite.waits:
                composite.waits = True
                self.waiting.append(composite)
            return
        record, scope = composite.record, composite.place.scope
        record = control.fan_in(self.context, composite.node, record, composite.in_order(), scope, composite.span)
        if record.status is Status.PROCESSING:
            composite.start_iteration(record)
            self.fan_in_or_wait(composite)
            return
        del self.open[record.path]
        self.ended(composite.place, record, composite.span)

    def _put(self, record: StepRecord) -> None:
        self.store.put_step(self.context.run_id, record)
