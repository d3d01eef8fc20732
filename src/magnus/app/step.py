"""The use case *step*: exactly one step of a run, in a fresh process, from files and options alone.

What any engine calls in its jobs, containers and pods. A terminal step records the end of the run.
"""

from collections.abc import Iterator
from contextlib import closing
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from magnus.app import engine_runs, gaps
from magnus.app.beginning import begin, context_of
from magnus.app.prepare import Execution, Prepared, prepare
from magnus.app.reporters import OneAtATime
from magnus.app.run_ids import check_run_id
from magnus.definition.compiling import StepPlace
from magnus.definition.loader import LoadedPipeline
from magnus.engine import deaths, fan, process_state, way
from magnus.engine.context import RunContext, now
from magnus.engine.masked_runs import masked
from magnus.engine.outcomes import reached_fail
from magnus.engine.reentry import reentry
from magnus.engine.resume import Reuse, followed, outdated_run_message
from magnus.engine.step import run_step
from magnus.engine.step_secrets import learn
from magnus.engine.tracking import run_as_recorded
from magnus.errors import InvalidInput, RunExists, RunNotFound
from magnus.graph.check import nearest_or_all
from magnus.graph.failures import may_begin_run
from magnus.graph.graph import Graph, graphs_of
from magnus.graph.nodes import CompositeNode, Node, TaskNode, TerminalNode
from magnus.graph.path import BranchPath, StepPath, print_names
from magnus.interfaces.executor import StepRequest
from magnus.interfaces.reporter import BranchEnded, Reporter, StepReused, StepStarted, Warned
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import RunRecord, Status, StepRecord, terminal_record


def execute_step(asked: Execution, step: str, reporter: Reporter) -> Status:
    """Run the step of the run `asked.run_id` and return how it ended; one that succeeded before is left alone.

    The run is created when it does not exist and the step is the first of the pipeline; only then do the parameters
    of `asked` count. InvalidInput when the step is not in the pipeline, RunNotFound when the run does not exist.
    """
    status, _ = _execute(asked, step, reporter)
    return status


class OneAttempt(Struct, frozen=True):
    """One attempt is to be made.

    Attributes:
        exit_status: of the process before, as the engine says; None where it says nothing.
        attempts: how many there are, where that is more than the step says.
    """

    exit_status: int | None = None
    attempts: int = 0


def execute_attempt(asked: Execution, step: str, reporter: Reporter, one: OneAttempt) -> tuple[Status, bool]:
    """As `execute_step`, but the next attempt alone; how it ended, and whether there is another one to make."""
    return _execute(asked, step, reporter, one)


def _execute(asked: Execution, step: str, reporter: Reporter, one: OneAttempt | None = None) -> tuple[Status, bool]:
    check_run_id(asked.run_id)
    prepared = prepare(asked, reporter, looked_at=partial(_places, step))
    path = find_step(prepared.pipeline.graph, step)
    with closing(prepared.services.run_log_store):
        return _executed(prepared, path, OneAtATime(reporter), one)


def _places(step: str, pipeline: LoadedPipeline) -> list[StepPlace]:
    """Where the step is written. What others need may be in other images; they were checked before the run."""
    name = "/".join(find_step(pipeline.graph, step).parts[::2])
    return [place for place in pipeline.steps if place.step == name]


def _executed(prepared: Prepared, path: StepPath, reporter: Reporter, one: OneAttempt | None) -> tuple[Status, bool]:
    store = prepared.services.run_log_store
    run = run_of(prepared, path, reporter)
    known = store.get_step(run.run_id, path)
    node = prepared.pipeline.graph.step(path)
    if known is None or not _ends_run(known, run):
        if known is not None and known.status is Status.SUCCESS:
            return known.status, False
        if engine_runs.is_settled(store, run.run_id, path):
            return engine_runs.status_in_settled(node, known), False
    is_left = known is not None and engine_runs.is_left(store, run, known)
    run = engine_runs.reopened(store, run)
    match node:
        case TerminalNode():
            if reentry(prepared.execution.environment).events:
                reporter.report(StepStarted(path, node.written_as))
            return _finish(prepared, run, path, node, reporter), False
        case CompositeNode():
            raise InvalidInput(f"'{path}' is of type {node.written_as}", fix=f"magnus fan {run.run_id} {path} -m out")
        case TaskNode() as task:
            return _attempted(prepared, run, path, task, reporter, known, one, is_left=is_left)


def _attempted(
    prepared: Prepared,
    run: RunRecord,
    path: StepPath,
    task: TaskNode,
    reporter: Reporter,
    known: StepRecord | None,
    one: OneAttempt | None,
    *,
    is_left: bool,
) -> tuple[Status, bool]:
    """The attempts of a task that are to be made now, or the next one; how it stands, and whether there is another one."""
    again = known is not None and (is_left or (one is None and known.status is Status.FAIL))
    before = (
        engine_runs.tried_again(known)
        if again and known is not None
        else engine_runs.continued(known, one.exit_status if one else None)
    )
    made = before.attempts[before.earlier_attempts :] if before is not None else ()
    failures = deaths.own_failures(made) if one else len(made)
    most = max(one.attempts if one else 0, task.max_attempts)
    if one and failures >= most and known is not None and known.status is Status.FAIL:
        return Status.FAIL, False
    number = len(before.attempts if before is not None else ()) if one and failures < most else None
    if again and number is None:
        reporter.report(StepStarted(path, task.written_as))
    if not taken_over(prepared, run, path, reporter):
        _run_step(prepared, run, path, reporter, number, before)
    ended = prepared.services.run_log_store.get_step(run.run_id, path)
    status = ended.status if ended is not None else Status.FAIL
    return status, number is not None and status is Status.FAIL and failures + 1 < most


def _ends_run(known: StepRecord, run: RunRecord) -> bool:
    """Whether it is an end of the pipeline whose process died before it recorded that of the run, which may have failed since."""
    is_open = run.end_time is None or (run.status is Status.FAIL and known.status is Status.SUCCESS)
    return known.is_terminal and known.branch.composite is None and is_open


def taken_over(prepared: Prepared, run: RunRecord, path: StepPath, reporter: Reporter) -> bool:
    """Whether the step succeeded in the run that this one goes on with; then it has ended here too."""
    if not run.original_run_id:
        return False
    store = prepared.services.run_log_store
    position, scope = fan.before(prepared.pipeline.graph, store, run, path)
    branch = followed(store, run, path.branch, position)
    if branch is None:
        return False
    with context_of(prepared, reporter) as opened:
        context = replace(opened, tag=prepared.execution.tag or run.tag)
        reuse = Reuse(context, store.get_run(run.original_run_id), run)
        known = reuse.reusable(branch.step(path.name), prepared.pipeline.graph.step(path))
        if known is None:
            return False
        record = reuse.take(known, path, position, scope)
        context.tracking.end_step(context.tracked_run, record)
    reporter.report(StepReused(path, record.step_type))
    return True


def find_step(graph: Graph, text: str) -> StepPath:
    """The path that `text` says: parts joined by `/`, percent-encoded, or with `%` for a space; InvalidInput if none."""
    candidates = [text.replace("%", "%20"), text]
    if "%" not in text:
        candidates = [text]
    for candidate in reversed(candidates):
        try:
            path = StepPath.parse(candidate)
            graph.step(path)
        except (ValueError, KeyError):
            continue
        return path
    names = [str(StepPath((name,))) for name in graph.nodes]
    fix = nearest_or_all(text, names, there_are="the steps are")
    raise InvalidInput(f"the pipeline has no step '{text}'", fix=fix)


def run_of(prepared: Prepared, path: StepPath, reporter: Reporter) -> RunRecord:
    """The run, in which all that failed before the step is recorded.

    It is created when the step is the one a run begins with, or one that the failure of that leads to: its process may
    never have started.
    """
    graph, store = prepared.pipeline.graph, prepared.services.run_log_store
    run = _run_of(prepared, path, reporter)
    gaps.close_before(graph, store, run.run_id, path)
    return run


def _run_of(prepared: Prepared, path: StepPath, reporter: Reporter) -> RunRecord:
    graph, store, run_id = prepared.pipeline.graph, prepared.services.run_log_store, prepared.execution.run_id
    try:
        return engine_runs.check_owner(store.get_run(run_id), prepared.execution.workflow)
    except RunNotFound as error:
        if len(path.parts) > 1 or path.name not in may_begin_run(graph):
            fix = f"begin the run with the step '{graph.start_at}'"
            raise RunNotFound(f"there is no run '{run_id}'", fix=fix) from error
    return created(prepared, reporter)


def created(prepared: Prepared, reporter: Reporter) -> RunRecord:
    """The run, created here unless another process was first."""
    store, asked = prepared.services.run_log_store, prepared.execution
    try:
        run = begin(prepared, engine_runs.owner(asked.workflow, asked.workflow_name), reporter)
    except RunExists:  # another process was first
        return engine_runs.check_owner(store.get_run(asked.run_id), asked.workflow)
    with context_of(prepared, reporter) as context:
        context.tracking.begin_run(run_as_recorded(context.tracked_run, run), run.parameters)
    return run


def _run_step(
    prepared: Prepared,
    run: RunRecord,
    path: StepPath,
    reporter: Reporter,
    attempt: int | None,
    before: StepRecord | None,
) -> None:
    asked = prepared.execution
    told = reentry(asked.environment)
    identities = (*run.code_identities, *told.code_identities) if told.code_identities else None
    with context_of(prepared, reporter) as opened:
        context = replace(opened, tag=asked.tag or run.tag, code_identities=identities)
        _learn_secrets(prepared, context, run)
        request = StepRequest(
            run.run_id, path, asked.file, asked.configuration_file, context.tag, attempt=attempt, known=before
        )
        with process_state.without_hard_exits(context.pump.original_stderr):
            run_step(context, request)


def _learn_secrets(prepared: Prepared, context: RunContext, run: RunRecord) -> None:
    """Mask what steps that began before this one name under `secrets`, as it is masked where all steps are in one process."""
    if not any(task.secrets for task in prepared.pipeline.graph.tasks()):
        return
    begun = prepared.services.run_log_store.list_steps(run.run_id, BranchPath())
    nodes = (prepared.pipeline.graph.nodes.get(step.path.name) for step in begun)
    names = {name for node in nodes for name in _secrets_of(node)}
    learn(prepared.services.secrets, context.masker, sorted(names))


def _secrets_of(node: Node | None) -> Iterator[str]:
    """The names that a task says, or any task inside a step."""
    match node:
        case TaskNode(secrets=names):
            yield from names
        case CompositeNode():
            yield from (name for graph in graphs_of(node) for task in graph.tasks() for name in task.secrets)
        case _:
            pass


def _finish(prepared: Prepared, run: RunRecord, path: StepPath, node: TerminalNode, reporter: Reporter) -> Status:
    """Record that a (sub)pipeline reached its end, and with that of the pipeline itself the end of the run."""
    store = prepared.services.run_log_store
    status = Status.SUCCESS if node.succeeds else Status.FAIL
    position, _ = fan.before(prepared.pipeline.graph, store, run, path)
    steps = list(_ended_steps(store, run, path.branch))
    left = way.given_up(prepared.pipeline.graph.within(path.branch), steps, path.name)
    store.put_step(run.run_id, replace(terminal_record(path, position, status, node.written_as, now()), given_up=left))
    if path.branch.composite is not None:
        reporter.report(BranchEnded(path.branch, node.succeeds))
    else:
        failed = [step for step in steps if step.status is Status.FAIL and step.position < position]
        reason = (
            f"step '{print_names(failed[-1].path.parts)}' failed: {failed[-1].message}"
            if failed
            else reached_fail(path.name)
        )
        message = outdated_run_message(run) if node.succeeds else reason
        with context_of(prepared, reporter) as opened:
            _learn_secrets(prepared, opened, run)
            run, warning = masked(run, opened.masker, partial(store.get_run, run.run_id))
            if warning:
                reporter.report(Warned(warning))
            run = replace(run, status=status, message=message, end_time=now())
            store.update_run(run)
            tracked = replace(run_as_recorded(opened.tracked_run, run), tag=prepared.execution.tag or run.tag)
            opened.tracking.end_run(tracked, status, message)
    return status


def _ended_steps(store: RunLogStore, run: RunRecord, branch: BranchPath) -> Iterator[StepRecord]:
    """The steps of a branch that goes on: one that has not ended never will, since its process died."""
    for step in store.list_steps(run.run_id, branch):
        if step.status is not Status.PROCESSING:
            yield step
            continue
        failed = deaths.failed(step, now())
        store.put_step(run.run_id, failed)
        yield failed
