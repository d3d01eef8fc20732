"""Walks the graph of a run with an executor: asks the traversal what is next, does it, and records the end.

Called by `app.execute`. One thread; the records say how a step went, the executor only says when.
"""

from msgspec.structs import replace

from magnus.engine import scope as scopes
from magnus.engine import traversal
from magnus.engine.context import RunContext
from magnus.errors import InvalidDefinition, MagnusError, RunLogStoreError
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.executor import Executor, StepRequest
from magnus.interfaces.reporter import RunEnded, RunStarted, StepEnded
from magnus.run_log.records import BranchScope, RunRecord, Status, StepRecord


def run(context: RunContext, executor: Executor, record: RunRecord) -> RunRecord:
    """Run the pipeline of the context from its first step to its end; returns the record of the ended run.

    Whatever happens, the run is recorded as ended: an interruption as FAIL with the message `interrupted`, an error
    of a service with the message of that error; both are raised again.
    """
    started = context.clock.monotonic()
    context.reporter.report(RunStarted(record.run_id, context.graph.name))
    try:
        with executor:
            status, message = _Walk(context, executor, record).to_end()
    except KeyboardInterrupt:
        _end(context, record, Status.FAIL, "interrupted", started)
        raise
    except MagnusError as error:
        _end_if_possible(context, record, str(error), started)
        raise
    return _end(context, record, status, message, started)


class _Walk:
    """One way through the graph; remembers what the next step sees, and why the last one failed."""

    def __init__(self, context: RunContext, executor: Executor, record: RunRecord) -> None:
        self.context = context
        self.executor = executor
        self.scope: BranchScope = scopes.initial(record)
        self.message = ""

    def to_end(self) -> tuple[Status, str]:
        """Do what the traversal says until the pipeline ends; its status and the reason of its failure."""
        action = traversal.first(self.context.graph, BranchPath())
        while True:
            match action:
                case traversal.RunStep(path, position):
                    succeeded = self._run(path, position)
                    action = traversal.following(self.context.graph, path, position, succeeded=succeeded)
                case traversal.FanOut(path):
                    raise InvalidDefinition("steps made of branches cannot be run by this version", step=str(path))
                case traversal.Finish(path, position, succeeds):
                    self._finish(path, position, succeeds=succeeds)
                    return (Status.SUCCESS, "") if succeeds else (Status.FAIL, self.message)

    def _run(self, path: StepPath, position: int) -> bool:
        context, store = self.context, self.context.services.run_log_store
        request = StepRequest(
            run_id=context.run_id,
            path=path,
            definition_file=context.definition_file,
            configuration_file=context.configuration_file,
            tag=context.tag,
            position=position,
            scope=self.scope,
        )
        ended = self.executor.submit(request)
        if ended is not None:
            ended.result()
        step = store.get_step(context.run_id, path)
        if step is None or step.status is Status.PROCESSING:
            step = self._lost(path, position, step)
        self.scope = scopes.after(self.scope, step)
        if step.status is Status.SUCCESS:
            return True
        self.message = f"step '{path}' failed: {step.message}"
        return False

    def _lost(self, path: StepPath, position: int, known: StepRecord | None) -> StepRecord:
        """Record a step whose executor says it ended and whose record says it did not."""
        node = self.context.graph.step(path)
        known = known or StepRecord(path, position, Status.PROCESSING, node.written_as)
        lost = replace(known, status=Status.FAIL, message="lost: it ended without recording how")
        self.context.services.run_log_store.put_step(self.context.run_id, lost)
        self.context.reporter.report(StepEnded(path, lost.step_type, lost.status, lost.message, 0.0))
        return lost

    def _finish(self, path: StepPath, position: int, *, succeeds: bool) -> None:
        status = Status.SUCCESS if succeeds else Status.FAIL
        reached = StepRecord(path, position, status, self.context.graph.step(path).written_as)
        self.context.services.run_log_store.put_step(self.context.run_id, reached)


def _end(context: RunContext, record: RunRecord, status: Status, message: str, started: float) -> RunRecord:
    message = context.masker.mask(message)
    ended = replace(record, status=status, message=message, end_time=context.clock.now())
    context.services.run_log_store.update_run(ended)
    context.reporter.report(RunEnded(record.run_id, status, message, context.clock.monotonic() - started))
    return ended


def _end_if_possible(context: RunContext, record: RunRecord, message: str, started: float) -> None:
    """The run log store may be what failed; the error that is on its way matters more."""
    try:
        _end(context, record, Status.FAIL, message, started)
    except RunLogStoreError:
        context.reporter.report(RunEnded(record.run_id, Status.FAIL, message, context.clock.monotonic() - started))
