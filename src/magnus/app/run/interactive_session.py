"""The use case *interactive session*: a run of one step that is what somebody does by hand. Called by `magnus.interaction`."""

import atexit
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType

from msgspec.structs import replace

from magnus.app.inspect.run_document import document
from magnus.app.run.create_run import Quiet, context_of, create_run
from magnus.app.run.prepare import prepare
from magnus.app.run.request import RunRequest
from magnus.definition.built_pipeline import BuiltPipeline
from magnus.definition.yaml_text import Document
from magnus.engine.context import RunContext, now
from magnus.engine.files.objects import StepObjects
from magnus.engine.interaction.current_step import CurrentStep, current_step, hold, release
from magnus.engine.interaction.step_data import StepData
from magnus.engine.interaction.step_secrets import StepSecrets
from magnus.engine.interaction.tracking import run_as_recorded
from magnus.engine.processes import forks, liveness
from magnus.engine.rules import scope as scopes
from magnus.errors import TaskFailed
from magnus.graph.path import StepPath
from magnus.interfaces.run_log_store import KeepsDocuments
from magnus.run_log.records import RunRecord, Status, StepRecord, terminal_record
from magnus.values import Json

_STEP = StepPath(("interactive session",))
SESSION_FILE = "interactive session"


class SessionId(str):
    """The id of the run of a session, and a context manager that ends the session, as failed when an exception comes."""

    __slots__ = ()

    def __enter__(self) -> str:
        return str(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if _Sessions.open is not None and _Sessions.open.run_id == self:  # it may have been closed inside
            _Sessions.open.end(_reason(error))


def start(
    run_id: str, *, configuration_file: str, tag: str, parameters_file: str, environment: Mapping[str, str]
) -> SessionId:
    """Start a session and return its run id. TaskFailed when a step is in progress in this process.

    A session that is still open when the process exits is closed then, as failed if an exception stops the process.
    """
    if current_step() is not None:
        raise TaskFailed("a step or an interactive session is in progress here; call end_interactive_session() before")
    dag = {"start_at": _STEP.name, "steps": {_STEP.name: {"type": "stub", "next": "success"}}}
    request = RunRequest(
        file=SESSION_FILE,
        configuration_file=configuration_file,
        parameters_file=parameters_file,
        tag=tag,
        run_id=run_id,
        environment=environment,
        built=BuiltPipeline(Document(SESSION_FILE, {"dag": dag}, {}, {}), {}),
    )
    prepared = prepare(request, Quiet())
    with ExitStack() as opening:
        context = opening.enter_context(context_of(prepared, Quiet()))
        run = create_run(prepared, liveness.this_process(), Quiet())
        session = _Session(replace(context, run_id=run.run_id), run, opening.pop_all())
        session.stay_here()
    hold(session.step)
    atexit.register(session.end_with_process)
    _Sessions.open = session
    return SessionId(run.run_id)


def end() -> None:
    """Record the end of the session; TaskFailed when there is none."""
    if _Sessions.open is None:
        raise TaskFailed("there is no interactive session; start_interactive_session() starts one")
    _Sessions.open.end()


def _reason(error: BaseException | None) -> str:
    """The reason of a session that an exception stopped; "" for none."""
    match error:
        case None:
            return ""
        case KeyboardInterrupt():
            return "interrupted"
        case _:
            return ": ".join(filter(None, (type(error).__name__, str(error))))


class _Sessions:
    """The session in progress in this process: a part of the step in progress, which is the one ambient value."""

    open: "_Session | None" = None


class _Session:
    """A session from its first record to its last."""

    def __init__(self, context: RunContext, run: RunRecord, opened: ExitStack) -> None:
        self._context = context
        self._run = run
        self._opened = opened
        self._error_before = getattr(sys, "last_value", None)
        self.run_id = run.run_id
        self._record = StepRecord(_STEP, 0, Status.PROCESSING, "task")
        context.services.run_log_store.put_step(run.run_id, self._record)
        self.step = self._step()

    def stay_here(self) -> None:
        """Be the session of this process alone: a forked child that ends does not end it."""
        self._opened.enter_context(forks.dropped(self._leave))

    def _leave(self) -> None:
        _Sessions.open = None
        atexit.unregister(self.end_with_process)

    def end_with_process(self) -> None:
        """End it when the process does; the interpreter keeps the exception that nobody caught."""
        error = getattr(sys, "last_value", None)
        self.end("" if error is self._error_before else _reason(error))

    def end(self, failure: str = "") -> None:
        """Record what was set, tracked and kept, and why it failed, if it did."""
        store, current = self._context.services.run_log_store, self.step
        _Sessions.open = None
        release(current)
        atexit.unregister(self.end_with_process)
        status, failure = Status.FAIL if failure else Status.SUCCESS, self._context.masker.mask(failure)
        message = f"step '{_STEP.name}' failed: {failure}" if failure else ""
        with self._opened:
            ended = replace(
                self._record,
                status=status,
                message=failure,
                parameters={} if failure else dict(current.parameters_set),
                metrics=dict(current.metrics),
                catalog=tuple(current.data.entries),
            )
            current.data.close()
            store.put_step(self._run.run_id, ended)
            word = "fail" if failure else "success"
            store.put_step(self._run.run_id, terminal_record(StepPath((word,)), 1, status, word, now()))
            run = replace(self._run, status=status, message=message, end_time=now())
            store.update_run(run)
            self._context.tracking.end_step(self._context.tracked_run, ended)
            self._context.tracking.end_run(run_as_recorded(self._context.tracked_run, run), status, message)
            if isinstance(store, KeepsDocuments):
                store.write_document(self._run.run_id, document(store, store.get_run(self._run.run_id)))
        store.close()

    def _step(self) -> CurrentStep:
        context, services = self._context, self._context.services
        scope = scopes.initial(self._run)
        objects = StepObjects(
            services.catalog, services.picklers, self._run.run_id, _STEP.branch, context.script, context.masker
        )
        context.tracking.begin_run(run_as_recorded(context.tracked_run, self._run), self._run.parameters)
        return CurrentStep(
            self._run.run_id,
            context.tag,
            _STEP,
            scope.parameters,
            secrets=StepSecrets(services.secrets, context.masker, _STEP, lambda _warning: None),
            tracking=context.tracking.of_step(context.tracked_run, _STEP),
            data=StepData(
                objects,
                scope.files,
                working_directory=context.working_directory,
                hidden=context.hidden,
                folder=context.folder,
                run_log=self._document,
            ),
        )

    def _document(self) -> Json:
        import json  # lazy: seldom request for

        store = self._context.services.run_log_store
        return json.loads("".join(document(store, store.get_run(self._run.run_id))))
