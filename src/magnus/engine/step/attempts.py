"""The attempts of a step: each captured, with the environment of the step, and added to its record. Used by `engine.step.run_step`."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from magnus.engine import faults
from magnus.engine.interaction.current_step import CurrentStep, entered
from magnus.engine.interaction.step_data import StepData
from magnus.engine.processes import forks
from magnus.engine.processes.eviction import LOST, Evicted
from magnus.engine.step import outcomes
from magnus.engine.step.running_step import RunningStep
from magnus.engine.user_code import process_state
from magnus.errors import MagnusError, RunLogStoreError
from magnus.interfaces.reporter import AttemptFailed, Reporter, StepLoading, StepOutput
from magnus.interfaces.run_log_store import RunLogStore
from magnus.interfaces.task_kind import TaskCall, TaskOutcome
from magnus.run_log.parameters import merged
from magnus.run_log.records import AttemptRecord, CatalogRecord, Status
from magnus.values import Json

_SECONDS_UNTIL_REPORTED: Final = 0.5


class Loading:
    """Reports what a step has been loading for a while, such as a heavy library.

    Most loading takes milliseconds, so nothing is reported when it starts: the thread that follows the output of the
    step looks every now and then.
    """

    def __init__(self, step: CurrentStep, reporter: Reporter) -> None:
        self._step = step
        self._reporter = reporter
        self._reported = ""

    def look(self) -> None:
        """Report what has been loading for long, and once that it is loaded."""
        what = self._step.loading
        if what and time.monotonic() - self._step.loading_since < _SECONDS_UNTIL_REPORTED:
            what = ""
        if what != self._reported:
            self._reported = what
            self._reporter.report(StepLoading(self._step.path, what))


def run_attempts(step: RunningStep) -> AttemptRecord:
    """Attempt the step until it succeeds or has no attempt left; adds each attempt to its record, and returns the last."""
    if step.request.attempt is not None:
        return _attempt(step, step.request.attempt)
    wait, earlier = step.node.retry_delay, step.record.earlier_attempts
    counted = step.record.attempts[earlier:]
    last = counted[-1] if counted else None
    for number in range(earlier + len(counted), earlier + step.node.max_attempts):
        if last is not None and last.status is Status.FAIL:
            step.keep(step.record)
            step.context.reporter.report(AttemptFailed(step.record.path, number - 1, last.message, wait))
            time.sleep(wait)
        last = _attempt(step, number)
        if last.status is Status.SUCCESS:
            break
    assert last is not None
    return last


def _attempt(step: RunningStep, number: int) -> AttemptRecord:
    """One attempt, added to the record; a fault of magnus is a failure of it."""
    before = step.record
    begin = _Begin(number, step.context.clock.now(), step.context.clock.monotonic())
    try:
        return _called(step, begin)
    except RunLogStoreError:
        raise
    except Exception as error:  # noqa: BLE001 - a fault of magnus fails the step, and its run log stays whole
        failure = faults.failure_of(error, step.context.masker.mask)
        interruption = error.__context__ if isinstance(error.__context__, KeyboardInterrupt) else None
    attempt = _record(step, TaskOutcome(failure=failure), begin)
    step.record = replace(step.record, attempts=(*before.attempts, attempt), parameters={})
    if interruption is not None:
        raise interruption
    return attempt


class _Begin(Struct, frozen=True):
    """The number and the start of an attempt, by the wall clock and by the monotonic one."""

    number: int
    time: datetime
    monotonic: float


def _called(step: RunningStep, begin: _Begin) -> AttemptRecord:
    """The attempt itself. It is added to the record, with its results until then, also if an exception ends it."""
    context, path = step.context, step.record.path
    current = CurrentStep(
        step.request.run_id,
        context.tag,
        path,
        step.scope.parameters,
        secrets=step.secrets,
        tracking=context.tracking.of_step(context.tracked_run, path),
        data=_data(step),
    )
    outcome, is_lost = TaskOutcome(failure="interrupted"), False
    try:
        outcome = _call(step, current, begin.number)
    except Evicted:
        outcome, is_lost = TaskOutcome(failure=LOST), True
        raise
    finally:
        outcome = _complete(step, current, outcome)
        attempt = replace(_record(step, outcome, begin), lost=is_lost)
        step.record = replace(
            step.record,
            attempts=(*step.record.attempts, attempt),
            parameters={} if outcome.failure else outcome.parameters,
            metrics=merged(step.record.metrics, outcome.metrics),
            catalog=_with(step.record.catalog, (*current.data.entries, *outcome.entries)),
        )
    return attempt


def _complete(step: RunningStep, current: CurrentStep, outcome: TaskOutcome) -> TaskOutcome:
    """The outcome with what the task did on the way; warnings of the task are reported."""
    current.data.close()
    current.data.note_loaded(outcome.loaded)
    outcome = outcomes.complete(outcome, current, step.secrets)
    for warning in outcome.warnings:
        step.warn(warning, once=warning)
    return outcome


def _record(step: RunningStep, outcome: TaskOutcome, begin: _Begin) -> AttemptRecord:
    clock, masker = step.context.clock, step.context.masker
    return AttemptRecord(
        attempt_number=begin.number,
        start_time=begin.time,
        end_time=clock.now(),
        duration=round(clock.monotonic() - begin.monotonic, 6),
        status=Status.FAIL if outcome.failure else Status.SUCCESS,
        message=masker.mask(outcome.failure or "\n".join(f"warning: {warning}" for warning in outcome.warnings)),
        parameters=masker.masked(outcome.arguments),
        job=step.context.job,
        machine=step.context.machine,
        peak_memory=_peak_memory() if step.context.job else 0,
    )


def _peak_memory() -> int:
    from magnus.system.peak_memory import peak_memory  # lazy: only jobs of batch systems say it

    return peak_memory()


def _call(step: RunningStep, current: CurrentStep, number: int) -> TaskOutcome:
    """The call itself, captured and in the environment of the step."""
    context, path = step.context, step.record.path
    address = context.channel.open(current)
    added = {**step.variables, "MAGNUS_STEP_ATTEMPT": str(number), "MAGNUS_STEP_CHANNEL": address}
    tail = b""
    try:
        with (
            context.output_capture.step(
                open_log=lambda: context.services.open_log(step.request.run_id, path),
                show=lambda shown: context.reporter.report(StepOutput(path, shown)),
                look=Loading(current, context.reporter).look,
            ) as output,
            process_state.applied(
                added, step.working_directory, current.load, project=context.working_directory
            ) as environment,
            entered(current),
        ):
            try:
                outcome = _run_kind(step, environment)
            finally:
                forks.end_fork_server()
        tail = output.tail
    except RunLogStoreError:
        raise
    except MagnusError as error:
        outcome = TaskOutcome(failure=faults.error_text(error))
    finally:
        context.channel.close(address)
    if outcome.failure and step.kind.isolates:
        outcome = replace(outcome, failure=outcomes.with_tail(outcome.failure, tail))
    return outcome


def _data(step: RunningStep) -> StepData:
    context, run_id = step.context, step.request.run_id
    return StepData(
        step.objects,
        step.scope.files,
        working_directory=step.working_directory,
        hidden=context.hidden,
        folder=context.folder,
        started_at=context.started_at,
        run_log=lambda: _document(context.services.run_log_store, run_id),
    )


def _run_kind(step: RunningStep, environment: Mapping[str, str]) -> TaskOutcome:
    isolated, timeout = step.kind.isolates, step.node.timeout
    if isolated or timeout is not None:
        step.context.guard.start()
    step.call()
    call = TaskCall(
        step.node.task,
        step.scope.parameters,
        environment,
        step.working_directory,
        timeout if isolated else None,
        step.objects,
        step.folder,
        step.context.masker.mask if isolated else str,
        project=step.context.working_directory,
    )
    if timeout is None or isolated:
        return step.kind.run(call)
    from magnus.engine.step.child import run_in_child  # lazy: only steps with a timeout need it

    return run_in_child(step.kind, replace(call, environment=dict(environment)), timeout=timeout)


def _with(earlier: tuple[CatalogRecord, ...], entries: Sequence[CatalogRecord]) -> tuple[CatalogRecord, ...]:
    """The entries of earlier attempts and the new ones of this attempt; a file that was got again is no new one."""
    if not earlier:
        return tuple(entries)
    got = {(entry.name, entry.data_hash) for entry in earlier if entry.stage == "get"}
    return (*earlier, *(entry for entry in entries if entry.stage == "put" or (entry.name, entry.data_hash) not in got))


def _document(store: RunLogStore, run_id: str) -> Json:
    """The run log document as it stands."""
    from magnus.run_log import view  # lazy: few tasks ask for it

    return view.document(store.get_run(run_id), lambda branch: store.list_steps(run_id, branch))
