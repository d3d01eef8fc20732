"""The verb *step*: one task, with everything around it, as one record. Every executor ends here.

Before the task: its place and scope, files from the catalog, secrets. The task: one or more attempts, each captured,
with the environment of the step. Afterwards: files to the catalog, and the record, put once and atomically. If the task
or a service fails, the step fails. If the run log store fails, the error is raised, since nothing can be recorded.
"""

import os
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from magnus.engine import faults
from magnus.engine.context import RunContext
from magnus.engine.processes.eviction import LOST, Evicted
from magnus.engine.rules import scope as scopes
from magnus.engine.step.attempts import run_attempts
from magnus.engine.step.running_step import RunningStep
from magnus.engine.values import parameter_values
from magnus.errors import RunLogStoreError, TaskFailed
from magnus.graph.nodes import CompositeNode, RepeatedBranch, TaskNode
from magnus.graph.path import StepPath, print_names
from magnus.interfaces.executor import StepRequest
from magnus.interfaces.reporter import StepEnded, StepStarted
from magnus.interfaces.task_kind import KEPT
from magnus.run_log.parameters import Scope
from magnus.run_log.records import ENDED, BranchScope, CacheRecord, CatalogRecord, Status, StepRecord, seconds, span_of

SET_BY_MAGNUS: Final = frozenset(
    {
        "MAGNUS_RUN_ID",
        "MAGNUS_RUN_TAG",
        "MAGNUS_STEP_NAME",
        "MAGNUS_STEP_ATTEMPT",
        "MAGNUS_STEP_CHANNEL",
        "MAGNUS_MAP_VARIABLE",
        "MAGNUS_PARAMETERS_FILE",
    }
)
"""The variables in the environment of every step, beside the variables of its parameters."""


def run_step(context: RunContext, request: StepRequest) -> None:
    """Run the task at the path of the request and put its record; the run log then says how it went.

    Raises RunLogStoreError when the record cannot be put, and passes KeyboardInterrupt on after it recorded it. Evicted
    leaves the step open for its next attempt.
    """
    node = context.graph.step(request.path)
    if not isinstance(node, TaskNode):
        raise TaskFailed(f"'{print_names(request.path.parts)}' is not a task")
    position, scope = _place(context, request)
    if request.record is None:
        record = _first_record(context, node, request.path, position, request.cache)
    else:
        record = replace(request.record, position=position)
    take_through(RunningStep(context, node, request, record, scope))


def _first_record(
    context: RunContext, node: TaskNode, path: StepPath, position: int, cache: CacheRecord | None
) -> StepRecord:
    identities = context.code_identities
    return StepRecord(
        path, position, Status.PROCESSING, node.written_as, mock=node.mock, code_identities=identities, cache=cache
    )


def _place(context: RunContext, request: StepRequest) -> tuple[int, BranchScope]:
    if request.position is not None and request.scope is not None:
        return request.position, request.scope
    from magnus.engine.step import place  # lazy: the orchestrator sends the place of a step

    store = context.services.run_log_store
    return place.before(context.graph, store, store.get_run(request.run_id), request.path)


def take_through(step: RunningStep) -> None:
    """Take the step from its first record to its last."""
    step.keep(step.record)
    try:
        if step.request.record is None or step.request.attempt is not None or step.context.job:
            # a process of its own starts each attempt, and its job waited
            step.context.reporter.report(StepStarted(step.record.path, step.record.step_type))
        failure = "\n".join(filter(None, (_work(step), _clear(step))))
    except Evicted:
        _leave_open(step)
        step.remove_folders()
        raise
    except KeyboardInterrupt:
        _end(step, "interrupted")
        step.remove_folders()
        raise
    except RunLogStoreError:
        step.remove_folders()
        raise
    except Exception as error:  # noqa: BLE001 - a fault of magnus fails the step, and its run log stays whole
        failure = _failure_of(step, error)
    try:
        _end(step, failure)
    except Exception as error:
        if step.record.status is not Status.PROCESSING:  # it was put, or the store did not take it
            raise
        _end_by_fault(step, error)


def _work(step: RunningStep) -> str:
    """Everything between the first and the last record; the reason of the failure, "" for success."""
    try:
        step.isolate()
        start = _file_time(step)
        got = _get_files(step)
        step.variables = _variables(step)
    except Exception as error:  # noqa: BLE001 - as above
        return _failure_of(step, error)
    try:
        last = run_attempts(step)
        failure = last.message if last.status is Status.FAIL else ""
    except Exception as error:  # noqa: BLE001 - as above
        failure = _failure_of(step, error)
    try:
        _put_files(step, got, start)
    except Exception as error:  # noqa: BLE001 - as above
        failure = "\n".join(filter(None, (failure, _failure_of(step, error))))
    return failure


def _clear(step: RunningStep) -> str:
    """Remove the folder of the step; why that cannot be done."""
    try:
        step.remove_folders()
    except Exception as error:  # noqa: BLE001 - as above
        return _failure_of(step, error)
    return ""


def _failure_of(step: RunningStep, error: Exception) -> str:
    return faults.failure_of(error, step.context.masker.mask)


def _end(step: RunningStep, failure: str) -> None:
    status = Status.FAIL if failure else Status.SUCCESS
    set_by_step = {} if failure else step.record.parameters
    message = step.context.masker.mask(failure)
    record = replace(step.record, status=status, message=message, parameters=set_by_step)
    _put(step, replace(record, scope=scopes.carried(record.position, step.scope, record)))


def _end_by_fault(step: RunningStep, error: Exception) -> None:
    """End a step whose last record magnus could not make, with the least that a record needs."""
    fault = _failure_of(step, error)
    attempts = step.record.attempts
    failure = attempts[-1].message if attempts and attempts[-1].status is Status.FAIL else ""
    message = "\n".join(filter(None, (failure, fault)))
    _put(step, replace(step.record, status=Status.FAIL, message=message, parameters={}))


def _put(step: RunningStep, record: StepRecord) -> None:
    step.keep(record)
    took = seconds(span_of(record))
    step.context.reporter.report(StepEnded(record.path, record.step_type, record.status, record.message, took))
    step.context.tracking.end_step(step.context.tracked_run, record)


def _leave_open(step: RunningStep) -> None:
    """Record why the step waits for its next process; what an attempt left here that had succeeded is lost, too."""
    stored = step.context.services.run_log_store.get_step(step.request.run_id, step.record.path)
    if stored is not None and stored.status in ENDED:  # the orchestrator recorded an interruption first
        return
    attempts = step.record.attempts
    if attempts and attempts[-1].status is Status.SUCCESS:
        attempts = (*attempts[:-1], replace(attempts[-1], status=Status.FAIL, message=LOST, lost=True))
    step.keep(replace(step.record, message=LOST, attempts=attempts, parameters={}))


def _get_files(step: RunningStep) -> tuple[CatalogRecord, ...]:
    if not step.node.catalog.get:
        return ()
    from magnus.engine.files import catalog_files  # lazy: most steps have no files

    got = catalog_files.get_files(
        step.context.services.catalog,
        step.node.catalog,
        run_id=step.request.run_id,
        branch=step.request.path.branch,
        working_directory=step.working_directory,
        visible=step.scope.files,
    )
    new = [entry for entry in got if entry not in step.record.catalog]
    step.record = replace(step.record, catalog=(*step.record.catalog, *new))
    return got


def _file_time(step: RunningStep) -> int | None:
    """When the step starts, for steps that may find files of sibling branches where they put theirs."""
    if not step.node.catalog.put:
        return None
    from magnus.engine.files import catalog_files  # lazy: as above

    if not catalog_files.has_siblings(step.context.graph, step.request.path.branch):
        return None
    return step.context.file_clock.start()


def _put_files(step: RunningStep, got: tuple[CatalogRecord, ...], start: int | None) -> None:
    kept = f"{step.folder}/{KEPT}"
    if not step.node.catalog.put and not (step.has_folder and os.path.isdir(kept)):  # noqa: PTH112 - a path object takes three times as long
        return
    from magnus.engine.files import catalog_files  # lazy: as above

    branch = step.request.path.branch
    own = catalog_files.keep_files(step.context.services.catalog, Path(kept), run_id=step.request.run_id, branch=branch)
    if own:
        step.record = replace(step.record, catalog=(*step.record.catalog, *own))
    if not step.node.catalog.put:
        return
    put, warnings = catalog_files.put_files(
        step.context.services.catalog,
        step.node.catalog,
        run_id=step.request.run_id,
        branch=branch,
        working_directory=step.working_directory,
        hidden=step.context.hidden,
        got=got,
        own=partial(_own_files, step, frozenset(entry.name for entry in own), start),
    )
    step.context.file_clock.note_put()
    put = catalog_files.mark_preexisting(
        put, step.working_directory, started_at=step.context.started_at, project=step.context.working_directory
    )
    step.record = replace(step.record, catalog=(*step.record.catalog, *put))
    for warning in warnings:
        step.warn(warning)


def _own_files(step: RunningStep, kept: Collection[str], start: int | None, names: Sequence[str]) -> Sequence[str]:
    """The files among the matches of a put that are the step's to put: not `kept` already, and no sibling's."""
    names = [name for name in names if name not in kept]
    if start is None or not names:
        return names
    context, request = step.context, step.request
    from magnus.engine.files import catalog_files  # lazy: as above

    others = catalog_files.put_by_siblings(
        context.graph,
        context.services.run_log_store,
        request.run_id,
        request.path.branch,
        names=names,
        folder=step.working_directory,
        start=start,
    )
    return [name for name in names if name not in others]


def _loop_indices(step: RunningStep) -> dict[str, str]:
    """The numbers of the iterations around the step, by the names that `index_as` gives them, where these are free."""
    indices: dict[str, str] = {}
    composite = step.request.path.branch.composite
    while composite is not None:
        match step.context.graph.step(composite):
            case CompositeNode(branches=RepeatedBranch(index_as=str(name))) if _is_free(name, step.scope.parameters):
                indices.setdefault(name, parameter_values.as_text(step.scope.parameters[name]))
            case _:
                pass
        composite = composite.branch.composite
    return indices


def _is_free(name: str, scope: Scope) -> bool:
    """Whether a variable of the name may stand for the parameter of that name."""
    return name in scope and name not in os.environ and bool(name) and "=" not in name and "\0" not in name


def _variables(step: RunningStep) -> dict[str, str | None]:
    """What the environment of the step holds beyond the one magnus was started with; None takes a name out."""
    fitting = parameter_values.environment(step.scope.parameters, step.context.texts)
    too_large = {parameter_values.VARIABLE_PREFIX + name for name in step.scope.parameters} - fitting.keys()
    return {
        **_loop_indices(step),
        **dict.fromkeys(too_large),
        **fitting,
        **{name: step.secrets.variable(name) for name in step.node.secrets},
        "MAGNUS_RUN_ID": step.request.run_id,
        "MAGNUS_RUN_TAG": step.context.tag,
        "MAGNUS_STEP_NAME": step.node.name,
        "MAGNUS_MAP_VARIABLE": parameter_values.map_variable(step.scope.map_variables),
        "MAGNUS_PARAMETERS_FILE": step.context.parameters_file.write(step.scope.parameters, step.context.texts),
    }
