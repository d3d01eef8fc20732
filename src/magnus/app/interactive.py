"""The use case *interactive session*: a run of one step that is what somebody does by hand. Called by `magnus.interaction`."""

import atexit
from collections.abc import Mapping
from contextlib import ExitStack

from msgspec.structs import replace

from magnus.app.execute import Execution, begin, context_of, document, prepare
from magnus.app.reporters import Quiet
from magnus.definition.built import BuiltPipeline
from magnus.definition.yaml_text import Document
from magnus.engine import liveness
from magnus.engine import scope as scopes
from magnus.engine.context import RunContext, now
from magnus.engine.current import CurrentStep, current_step, hold, release
from magnus.engine.objects import StepObjects
from magnus.engine.step_data import StepData
from magnus.engine.step_secrets import StepSecrets
from magnus.errors import TaskFailed
from magnus.graph.path import StepPath
from magnus.interfaces.run_log_store import KeepsDocuments
from magnus.run_log.records import RunRecord, Status, StepRecord
from magnus.values import Json

_STEP = StepPath(("interactive session",))
_FILE = "interactive session"


def start(
    run_id: str, *, configuration_file: str, tag: str, parameters_file: str, environment: Mapping[str, str]
) -> str:
    """Begin a session; its run id. TaskFailed when a step is in progress here."""
    if current_step() is not None:
        raise TaskFailed("a step or an interactive session is in progress here; call end_interactive_session() before")
    dag = {"start_at": _STEP.name, "steps": {_STEP.name: {"type": "stub", "next": "success"}}}
    asked = Execution(
        file=_FILE,
        configuration_file=configuration_file,
        parameters_file=parameters_file,
        tag=tag,
        run_id=run_id,
        environment=environment,
        built=BuiltPipeline(Document(_FILE, {"dag": dag}, {}, {}), {}),
    )
    prepared = prepare(asked, Quiet())
    with ExitStack() as opening:
        context = opening.enter_context(context_of(prepared, Quiet()))
        run = begin(prepared, liveness.this_process(), Quiet())
        session = _Session(replace(context, run_id=run.run_id), run, opening.pop_all())
    hold(session.step)
    atexit.register(session.end)
    _Sessions.open = session
    return run.run_id


def end() -> None:
    """Record the end of the session; TaskFailed when there is none."""
    if _Sessions.open is None:
        raise TaskFailed("there is no interactive session; start_interactive_session() begins one")
    _Sessions.open.end()


class _Sessions:
    """The session in progress in this process: a part of the step in progress, which is the one ambient value."""

    open: "_Session | None" = None


class _Session:
    """A session from its first record to its last."""

    def __init__(self, context: RunContext, run: RunRecord, opened: ExitStack) -> None:
        self._context = context
        self._run = run
        self._opened = opened
        self._record = StepRecord(_STEP, 0, Status.PROCESSING, "task")
        context.services.run_log_store.put_step(run.run_id, self._record)
        self.step = self._step()

    def end(self) -> None:
        """Record what was set, tracked and kept."""
        store, current = self._context.services.run_log_store, self.step
        _Sessions.open = None
        release(current)
        atexit.unregister(self.end)
        with self._opened:
            ended = replace(
                self._record,
                status=Status.SUCCESS,
                parameters=dict(current.parameters_set),
                metrics=dict(current.metrics),
                catalog=tuple(current.data.entries),
            )
            current.data.close()
            store.put_step(self._run.run_id, ended)
            store.put_step(self._run.run_id, StepRecord(StepPath(("success",)), 1, Status.SUCCESS, "success"))
            store.update_run(replace(self._run, status=Status.SUCCESS, end_time=now()))
            self._context.tracking.end_step(self._context.tracked_run, ended)
            self._context.tracking.end_run(self._context.tracked_run, Status.SUCCESS, "")
            if isinstance(store, KeepsDocuments):
                store.write_document(self._run.run_id, document(store, self._run.run_id))
        store.close()

    def _step(self) -> CurrentStep:
        context, services = self._context, self._context.services
        scope = scopes.initial(self._run)
        objects = StepObjects(
            services.catalog, services.pickler, self._run.run_id, _STEP.branch, context.script, context.masker
        )
        context.tracking.begin_run(context.tracked_run, self._run.parameters)
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
        import json  # lazy: seldom asked for

        return json.loads("".join(document(self._context.services.run_log_store, self._run.run_id)))
