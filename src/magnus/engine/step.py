"""The verb *step*: one task, with everything around it, as one record. Every executor ends here.

Before the task: its place and scope, files from the catalog, secrets. The task: one or more attempts, each captured,
with the environment of the step. Afterwards: files to the catalog, and the record, put once and atomically. Whatever
fails on the way, of the task or of a service, is a failure of the step; only the run log store failing is not, since
nothing can be recorded then.
"""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from magnus.engine import data, fan, outcomes, parameters, process_state
from magnus.engine import scope as scopes
from magnus.engine.context import RunContext
from magnus.engine.current import CurrentStep, entered
from magnus.engine.objects import StepObjects
from magnus.engine.step_data import StepData
from magnus.engine.step_secrets import StepSecrets
from magnus.errors import MagnusError, RunLogStoreError, TaskFailed
from magnus.graph.nodes import TaskNode
from magnus.graph.path import StepPath, print_names
from magnus.interfaces.executor import StepRequest
from magnus.interfaces.reporter import AttemptFailed, StepEnded, StepOutput, StepStarted, Warned
from magnus.interfaces.run_log_store import RunLogStore
from magnus.interfaces.task_kind import KEPT, TaskCall, TaskKind, TaskOutcome
from magnus.run_log.records import AttemptRecord, BranchScope, CatalogRecord, Status, StepRecord
from magnus.run_log.spans import seconds, span_of
from magnus.values import Json

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
"""The variables in the environment of every step, beside those of its parameters."""


def run_step(context: RunContext, request: StepRequest) -> None:
    """Run the task at the path of the request and put its record; the run log then says how it went.

    Raises RunLogStoreError when the record cannot be put, and passes KeyboardInterrupt on after it recorded it.
    """
    node = context.graph.step(request.path)
    if not isinstance(node, TaskNode):
        raise TaskFailed(f"'{print_names(request.path.parts)}' is not a task")
    position, scope = _place(context, request)
    _Step(
        context,
        node,
        request,
        request.known or _first_record(context, node, request.path, position),
        scope,
    ).run()


def _first_record(context: RunContext, node: TaskNode, path: StepPath, position: int) -> StepRecord:
    identities = context.code_identities
    return StepRecord(path, position, Status.PROCESSING, node.written_as, mock=node.mock, code_identities=identities)


def _place(context: RunContext, request: StepRequest) -> tuple[int, BranchScope]:
    if request.position is not None and request.scope is not None:
        return request.position, request.scope
    store = context.services.run_log_store
    return fan.before(context.graph, store, store.get_run(request.run_id), request.path)


class _Step:
    """One step on its way; `record` is what is known of it so far."""

    def __init__(
        self, context: RunContext, node: TaskNode, request: StepRequest, record: StepRecord, scope: BranchScope
    ) -> None:
        self.context = context
        self.node = node
        self.request = request
        self.record = record
        self.scope = scope
        self.kind: TaskKind = context.services.task_kind(node.task.kind)
        self.secrets = StepSecrets(context.services.secrets, context.masker, request.path, self._warn)
        self.variables: dict[str, str | None] = {}
        self.folder = context.folder / os.urandom(3).hex()  # short: a task may have sockets in it

    def run(self) -> None:
        """Run the step from its first record to its last."""
        self._keep(self.record)
        if self.request.known is None:
            self.context.reporter.report(StepStarted(self.record.path, self.record.step_type))
        try:
            failure = self._work()
        except KeyboardInterrupt:
            self._end("interrupted")
            raise
        finally:
            _remove(self.folder)
        self._end(failure)

    def _work(self) -> str:
        """Everything between the first and the last record; the reason of the failure, "" for success."""
        try:
            got = self._get_files()
            self.variables = self._variables()
        except RunLogStoreError:
            raise
        except MagnusError as error:
            return outcomes.said(error)
        failure = self._attempts()
        try:
            self._put_files(got)
        except RunLogStoreError:
            raise
        except MagnusError as error:
            failure = "\n".join(filter(None, (failure, outcomes.said(error))))
        return failure

    def _end(self, failure: str) -> None:
        status = Status.FAIL if failure else Status.SUCCESS
        set_by_step = {} if failure else self.record.parameters
        message = self.context.masker.mask(failure)
        record = replace(self.record, status=status, message=message, parameters=set_by_step)
        self._keep(replace(record, scope=scopes.carried(record.position, self.scope, record)))
        took = seconds(span_of(record))
        self.context.reporter.report(StepEnded(record.path, record.step_type, status, message, took))
        self.context.tracking.end_step(self.context.tracked_run, record)

    def _keep(self, record: StepRecord) -> None:
        self.record = record
        self.context.services.run_log_store.put_step(self.request.run_id, record)

    def _get_files(self) -> tuple[CatalogRecord, ...]:
        if not self.node.catalog.get:
            return ()
        got = data.get_files(
            self.context.services.catalog,
            self.node.catalog,
            run_id=self.request.run_id,
            branch=self.request.path.branch,
            working_directory=self.context.working_directory,
            visible=self.scope.files,
        )
        new = [entry for entry in got if entry not in self.record.catalog]
        self.record = replace(self.record, catalog=(*self.record.catalog, *new))
        return got

    def _put_files(self, got: tuple[CatalogRecord, ...]) -> None:
        branch = self.request.path.branch
        own = data.keep_files(
            self.context.services.catalog, self.folder / KEPT, run_id=self.request.run_id, branch=branch
        )
        if own:
            self.record = replace(self.record, catalog=(*self.record.catalog, *own))
        if not self.node.catalog.put:
            return
        put, warnings = data.put_files(
            self.context.services.catalog,
            self.node.catalog,
            run_id=self.request.run_id,
            branch=branch,
            working_directory=self.context.working_directory,
            hidden=self.context.hidden,
            got=got,
            without=[entry.name for entry in own],
        )
        put = data.told_apart(put, self.context.working_directory, began=self.context.began)
        self.record = replace(self.record, catalog=(*self.record.catalog, *put))
        for warning in warnings:
            self._warn(warning)

    def _warn(self, warning: str) -> None:
        self.context.reporter.report(Warned(self.context.masker.mask(warning), self.request.path))

    def _variables(self) -> dict[str, str | None]:
        """What the environment of the step holds beyond the one magnus was started with; None takes a name out."""
        fitting = parameters.environment(self.scope.parameters, self.context.texts)
        too_large = {parameters.VARIABLE_PREFIX + name for name in self.scope.parameters} - fitting.keys()
        return {
            **dict.fromkeys(too_large),
            **fitting,
            **{name: self.secrets.variable(name) for name in self.node.secrets},
            "MAGNUS_RUN_ID": self.request.run_id,
            "MAGNUS_RUN_TAG": self.context.tag,
            "MAGNUS_STEP_NAME": self.node.name,
            "MAGNUS_MAP_VARIABLE": parameters.map_variable(self.scope.map_variables),
            "MAGNUS_PARAMETERS_FILE": self.context.parameters_file.write(self.scope.parameters, self.context.texts),
        }

    def _attempts(self) -> str:
        if self.request.attempt is not None:
            return self._attempt(self.request.attempt)
        made, wait = self.record.attempts, self.node.retry_delay
        failure = made[-1].message if made else ""
        for number in range(len(made), self.node.max_attempts):
            if failure:
                self._keep(self.record)
                self.context.reporter.report(AttemptFailed(self.record.path, number - 1, failure, wait))
                time.sleep(wait)
            failure = self._attempt(number)
            if not failure:
                break
        return failure

    def _attempt(self, number: int) -> str:
        """One attempt, added to the record; the reason of its failure, "" for success."""
        clock = self.context.clock
        context, path = self.context, self.record.path
        current = CurrentStep(
            self.request.run_id,
            context.tag,
            path,
            self.scope.parameters,
            secrets=self.secrets,
            tracking=context.tracking.of_step(context.tracked_run, path),
            data=self._data(),
        )
        start_time, start = clock.now(), clock.monotonic()
        outcome = TaskOutcome(failure="interrupted")
        try:
            outcome = self._call(current, number)
        finally:
            current.data.close()
            current.data.note_loaded(outcome.loaded)
            outcome = outcomes.complete(outcome, current, self.secrets)
            failure = self.context.masker.mask(outcome.failure)
            attempt = AttemptRecord(
                attempt_number=number,
                start_time=start_time,
                end_time=clock.now(),
                duration=round(clock.monotonic() - start, 6),
                status=Status.FAIL if failure else Status.SUCCESS,
                message=failure,
                parameters=self.context.masker.masked(outcome.handed),
            )
            self.record = replace(
                self.record,
                attempts=(*self.record.attempts, attempt),
                parameters={} if outcome.failure else outcome.parameters,
                metrics=outcomes.merged(self.record.metrics, outcome.metrics),
                catalog=_with(self.record.catalog, (*current.data.entries, *outcome.entries)),
            )
        return failure

    def _call(self, current: CurrentStep, number: int) -> TaskOutcome:
        """The call itself, captured and in the environment of the step."""
        context, path = self.context, self.record.path
        address = context.channel.open(current)
        added = {**self.variables, "MAGNUS_STEP_ATTEMPT": str(number), "MAGNUS_STEP_CHANNEL": address}
        tail = b""
        try:
            with (
                context.pump.step(
                    open_log=lambda: context.services.catalog.open_log(self.request.run_id, path),
                    show=lambda shown: context.reporter.report(StepOutput(path, shown)),
                ) as output,
                process_state.applied(added, context.working_directory) as environment,
                entered(current),
            ):
                outcome = self._run_kind(environment)
            tail = output.tail
        except RunLogStoreError:
            raise
        except MagnusError as error:
            outcome = TaskOutcome(failure=outcomes.said(error))
        finally:
            context.channel.close(address)
        if outcome.failure and self.kind.isolates:
            outcome = replace(outcome, failure=outcomes.with_tail(outcome.failure, tail))
        return outcome

    def _data(self) -> StepData:
        context, run_id = self.context, self.request.run_id
        return StepData(
            self._objects(),
            self.scope.files,
            working_directory=context.working_directory,
            hidden=context.hidden,
            folder=context.folder,
            began=context.began,
            run_log=lambda: _document(context.services.run_log_store, run_id),
        )

    def _objects(self) -> StepObjects:
        services, path = self.context.services, self.request.path
        run_id, context = self.request.run_id, self.context
        return StepObjects(services.catalog, services.pickler, run_id, path.branch, context.script, context.masker)

    def _run_kind(self, environment: Mapping[str, str]) -> TaskOutcome:
        isolated, timeout = self.kind.isolates, self.node.timeout
        _remove(self.folder)  # of the attempt before
        call = TaskCall(
            self.node.task,
            self.scope.parameters,
            environment,
            self.context.working_directory,
            timeout if isolated else None,
            self._objects(),
            self.folder,
            self.context.masker.mask if isolated else str,
        )
        if timeout is None or isolated:
            return self.kind.run(call)
        from magnus.engine.child import run_in_child  # lazy: only steps with a timeout need it

        return run_in_child(self.kind, replace(call, environment=dict(environment)), timeout=timeout)


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


def _remove(folder: Path) -> None:
    if not folder.exists():
        return
    from shutil import rmtree  # lazy: few tasks make the folder

    rmtree(folder, ignore_errors=True)
