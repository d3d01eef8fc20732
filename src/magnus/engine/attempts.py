"""The attempts of a step: each captured, with the environment of the step, and added to its record. Used by `engine.step`."""

import time
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from magnus.engine import outcomes, process_state
from magnus.engine.current import CurrentStep, entered
from magnus.engine.loading import Loading
from magnus.engine.step_data import StepData
from magnus.engine.step_under_way import StepUnderWay
from magnus.errors import MagnusError, RunLogStoreError
from magnus.interfaces.reporter import AttemptFailed, StepOutput
from magnus.interfaces.run_log_store import RunLogStore
from magnus.interfaces.task_kind import TaskCall, TaskOutcome
from magnus.run_log.records import AttemptRecord, CatalogRecord, Status
from magnus.values import Json


def attempted(step: StepUnderWay) -> str:
    """Attempt the step as often as it is to be, adding each attempt to its record; the reason of its failure, "" for success."""
    if step.request.attempt is not None:
        return _attempt(step, step.request.attempt)
    made, wait = step.record.attempts, step.node.retry_delay
    failure = made[-1].message if made else ""
    for number in range(len(made), step.node.max_attempts):
        if failure:
            step.keep(step.record)
            step.context.reporter.report(AttemptFailed(step.record.path, number - 1, failure, wait))
            time.sleep(wait)
        failure = _attempt(step, number)
        if not failure:
            break
    return failure


def _attempt(step: StepUnderWay, number: int) -> str:
    """One attempt, added to the record; the reason of its failure, "" for success."""
    clock = step.context.clock
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
    start_time, start = clock.now(), clock.monotonic()
    outcome = TaskOutcome(failure="interrupted")
    try:
        outcome = _call(step, current, number)
    finally:
        current.data.close()
        current.data.note_loaded(outcome.loaded)
        outcome = outcomes.complete(outcome, current, step.secrets)
        failure = step.context.masker.mask(outcome.failure)
        attempt = AttemptRecord(
            attempt_number=number,
            start_time=start_time,
            end_time=clock.now(),
            duration=round(clock.monotonic() - start, 6),
            status=Status.FAIL if failure else Status.SUCCESS,
            message=failure,
            parameters=step.context.masker.masked(outcome.handed),
        )
        step.record = replace(
            step.record,
            attempts=(*step.record.attempts, attempt),
            parameters={} if outcome.failure else outcome.parameters,
            metrics=outcomes.merged(step.record.metrics, outcome.metrics),
            catalog=_with(step.record.catalog, (*current.data.entries, *outcome.entries)),
        )
    return failure


def _call(step: StepUnderWay, current: CurrentStep, number: int) -> TaskOutcome:
    """The call itself, captured and in the environment of the step."""
    context, path = step.context, step.record.path
    address = context.channel.open(current)
    added = {**step.variables, "MAGNUS_STEP_ATTEMPT": str(number), "MAGNUS_STEP_CHANNEL": address}
    tail = b""
    try:
        with (
            context.pump.step(
                open_log=lambda: context.services.catalog.open_log(step.request.run_id, path),
                show=lambda shown: context.reporter.report(StepOutput(path, shown)),
                look=Loading(current, context.reporter).look,
            ) as output,
            process_state.applied(added, context.working_directory, current.load) as environment,
            entered(current),
        ):
            outcome = _run_kind(step, environment)
        tail = output.tail
    except RunLogStoreError:
        raise
    except MagnusError as error:
        outcome = TaskOutcome(failure=outcomes.said(error))
    finally:
        context.channel.close(address)
    if outcome.failure and step.kind.isolates:
        outcome = replace(outcome, failure=outcomes.with_tail(outcome.failure, tail))
    return outcome


def _data(step: StepUnderWay) -> StepData:
    context, run_id = step.context, step.request.run_id
    return StepData(
        step.objects(),
        step.scope.files,
        working_directory=context.working_directory,
        hidden=context.hidden,
        folder=context.folder,
        began=context.began,
        run_log=lambda: _document(context.services.run_log_store, run_id),
    )


def _run_kind(step: StepUnderWay, environment: Mapping[str, str]) -> TaskOutcome:
    isolated, timeout = step.kind.isolates, step.node.timeout
    step.remove_folder()  # of the attempt before
    call = TaskCall(
        step.node.task,
        step.scope.parameters,
        environment,
        step.context.working_directory,
        timeout if isolated else None,
        step.objects(),
        step.folder,
        step.context.masker.mask if isolated else str,
    )
    if timeout is None or isolated:
        return step.kind.run(call)
    from magnus.engine.child import run_in_child  # lazy: only steps with a timeout need it

    return run_in_child(step.kind, replace(call, environment=dict(environment)), timeout=timeout)


def _with(known: tuple[CatalogRecord, ...], entries: Sequence[CatalogRecord]) -> tuple[CatalogRecord, ...]:
    """What is known of earlier attempts and what is new of this one; what was got again is not."""
    if not known:
        return tuple(entries)
    got = {(entry.name, entry.data_hash) for entry in known if entry.stage == "get"}
    return (*known, *(entry for entry in entries if entry.stage == "put" or (entry.name, entry.data_hash) not in got))


def _document(store: RunLogStore, run_id: str) -> Json:
    """The run log document as it stands."""
    from magnus.run_log import view  # lazy: few tasks ask for it

    return view.document(store.get_run(run_id), lambda branch: store.list_steps(run_id, branch))
