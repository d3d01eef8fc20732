"""The use case *end of a run*: an engine calls it after its last process, with its status and its reasons.

If no process of the run has started, the run is created here, so that its record has the reason. The reasons are a JSON
list of objects with `displayName` and `message`. They may be quoted as a JSON text and cut at their end, since engines
have limits.
"""

import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from magnus.app.composition.load_configuration import load_configuration
from magnus.app.composition.services import run_log_store
from magnus.app.reentry.acts import engine_run_of
from magnus.app.run.create_run import context_of
from magnus.app.run.prepare import PreparedRun, RunRequest, prepare
from magnus.engine.context import RunContext, now
from magnus.engine.reentry import engine_runs, gaps
from magnus.errors import MagnusError, RunNotFound
from magnus.graph.nodes import Graph
from magnus.graph.path import BranchPath
from magnus.interfaces.reporter import Reporter, StepEnded
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import RunRecord, Status, StepRecord
from magnus.run_log.run_ids import check_run_id
from magnus.run_log.spans import seconds, span_of
from magnus.values import Json

_SAYS: Final = "the engine says"
_INTERRUPTED: Final = "interrupted"


_MOST: Final = 3
_LONGEST: Final = 500
_OF_OTHERS: Final = re.compile(r"(child '.*' failed|No more retries left|)\Z", re.DOTALL)
"""The message of a part of the run that failed because another part failed."""
_STOPPED: Final = "workflow shutdown with strategy"
_NO_RIGHT: Final = "workflowtaskresults"
_RIGHT_NEEDED: Final = (
    "the account of the workflow may not report results to the engine: give it the role that "
    "'How to run a pipeline on Argo Workflows' in the documentation shows"
)
_NOT_PLAIN: Final = re.compile(r"[^a-z0-9]+")
_END: Final = re.compile(r'\\?"?\Z')


class EngineReasons(Struct, frozen=True):
    """The messages of the engine, each with the name of its part of the run."""

    messages: tuple[tuple[str, str], ...] = ()

    @property
    def is_stop(self) -> bool:
        """Whether a user stopped the run."""
        return any(message.startswith(_STOPPED) for _, message in self.messages)

    @property
    def text(self) -> str:
        """The first few messages, with advice where there is some; "" for none."""
        messages = dict.fromkeys(message for _, message in self.messages)
        first = [message[:_LONGEST] for message in list(messages)[:_MOST]]
        more = [f"and {len(messages) - _MOST} more"] if len(messages) > _MOST else []
        right = [_RIGHT_NEEDED] if any(_NO_RIGHT in message for message in messages) else []
        return "; ".join([*first, *more, *right])

    def of(self, step: str) -> str:
        """The message about the step of this name; "" for none. Engines change names, and number attempts."""
        plain = _plain(step)
        return next((message[:_LONGEST] for name, message in self.messages if _plain(name) == plain), "")


def engine_reasons(text: str) -> EngineReasons:
    """The reasons in the text; none when it has another form."""
    reasons = (
        (str(item.get("displayName", "")), str(item.get("message", "")).strip())
        for item in _items(_unquoted(text.strip()))
        if isinstance(item, dict)
    )
    return EngineReasons(tuple((name, message) for name, message in reasons if not _OF_OTHERS.match(message)))


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    cut = _END.sub("", text[1:]) if not text.endswith('\\"') else text[1:-2]
    try:
        inner: str = json.loads(f'"{cut}"', strict=False)
    except ValueError:
        return cut.replace('\\"', '"').replace("\\\\", "\\")
    return inner


def _items(text: str) -> Iterator[Json]:
    """The items of a JSON list that are whole."""
    decoder, place = json.JSONDecoder(strict=False), 1
    while text[:1] == "[" and place < len(text):
        try:
            item, place = decoder.raw_decode(text, place)
        except ValueError:
            return
        yield item
        place += len(text[place:]) - len(text[place:].lstrip(" ,\n"))


def _plain(name: str) -> str:
    """The name of a task as magnus writes it, without the number and the value of an item behind it."""
    return _NOT_PLAIN.sub("-", name.partition("(")[0].lower()).strip("-")


def end_run(request: RunRequest, engine_status: str, engine_failures: str, reporter: Reporter) -> bool:
    """Record the run `request.run_id` as failed if no step has finished it; returns whether it did.

    `engine_failures` has the failures in the words of the engine (`engine_reasons`). A stop by the user is recorded as a
    stop. Steps that never started get the reason.
    """
    check_run_id(request.run_id)
    reasons = engine_reasons(engine_failures)
    configuration = load_configuration(request.configuration_file, request.environment, request.working_directory)
    with closing(run_log_store(configuration, request.working_directory)) as store:
        run = _existing_run(store, request)
        if run is not None and run.end_time is not None:
            _explain(store, run, reasons)
            return False
        prepared = _prepared(request, reporter, must=run is None)
        with _opened(prepared, reporter) as context:
            if run is None:
                assert prepared is not None
                assert context is not None
                run = engine_run_of(prepared, context, reporter).created()
            graph = None if prepared is None else prepared.pipeline.graph
            message, closed = _end(store, graph, run, engine_status, reasons)
            for step in closed:
                took = seconds(span_of(step))
                reporter.report(StepEnded(step.path, step.step_type, step.status, step.message, took))
            if context is not None:
                tracked = replace(context.tracked_run, tag=request.tag or run.tag)
                context.tracking.end_run(tracked, Status.FAIL, message)
    return True


@contextmanager
def _opened(prepared: PreparedRun | None, reporter: Reporter) -> Iterator[RunContext | None]:
    """The context of the run, where its pipeline can be read; closed afterwards."""
    if prepared is None:
        yield None
        return
    with closing(prepared.services.run_log_store), context_of(prepared, reporter) as context:
        yield context


def _existing_run(store: RunLogStore, request: RunRequest) -> RunRecord | None:
    """The run; None when it was never created. InvalidInput when it belongs to another workflow."""
    try:
        return engine_runs.check_owner(store.get_run(request.run_id), request.workflow)
    except RunNotFound:
        return None


def _prepared(request: RunRequest, reporter: Reporter, *, must: bool) -> PreparedRun | None:
    """The prepared run; None if its pipeline cannot be read, since an existing run is finished all the same."""
    try:
        return prepare(request, reporter, step_filter=lambda _: [])
    except MagnusError:
        if must:
            raise
        return None


def _end(
    store: RunLogStore, graph: Graph | None, run: RunRecord, engine_status: str, reasons: EngineReasons
) -> tuple[str, list[StepRecord]]:
    """Record the end of the run; returns the reason, and the records of the steps that had not finished."""
    message = _INTERRUPTED
    if reasons.is_stop:
        closed = gaps.close_open_steps(store, run.run_id, BranchPath(), _INTERRUPTED)
    else:
        closed = gaps.close_open_steps(store, run.run_id, BranchPath())
        if graph is not None:
            gaps.close_branch(graph, store, run.run_id, BranchPath(), lambda step: _reason(reasons, step))
        outcome = f"the engine stopped the run as '{engine_status}' before it reached its end"
        message = f"{outcome}; {_SAYS}: {reasons.text}" if reasons.text else outcome
    store.update_run(replace(run, status=Status.FAIL, message=message, end_time=now()))
    return message, closed


def _explain(store: RunLogStore, run: RunRecord, reasons: EngineReasons) -> None:
    """Record why a run failed in which no step says so itself: they never started, or the engine counts them as failed."""
    if run.status is not Status.FAIL or not reasons.text or _SAYS in run.message:
        return
    steps = store.list_steps(run.run_id, BranchPath())
    failed = [step for step in steps if step.status is Status.FAIL and not step.is_terminal]
    if any(step.message != gaps.NEVER_STARTED for step in failed):
        return
    for step in failed:
        store.put_step(run.run_id, replace(step, message=_reason(reasons, step.path.name)))
    store.update_run(replace(run, message=f"{run.message}; {_SAYS}: {reasons.text}"))


def _reason(reasons: EngineReasons, step: str) -> str:
    """The message of a step that never started."""
    reason = reasons.of(step)
    return f"{gaps.NEVER_STARTED}; {_SAYS}: {reason}" if reason else gaps.NEVER_STARTED
