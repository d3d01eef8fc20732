"""Runs whose steps another engine starts: the workflow that owns a run, records that stand, and steps without a process.

Called by `engine_run`. Steps whose processes never started, or died, and that no process continues, are recorded as failed.
An engine comes again to a run that had failed when its user tries the workflow again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from magnus.engine.context import now
from magnus.engine.rules import traversal
from magnus.engine.step import lost_attempts, place
from magnus.engine.step.outcomes import reached_fail
from magnus.errors import InvalidInput
from magnus.graph.nodes import Graph, Node, TerminalNode
from magnus.graph.path import BranchPath, StepPath, print_names
from magnus.graph.reachability import failure_of, is_failure_target
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import ENDED, Owner, RunRecord, Status, StepRecord, terminal_record

NEVER_STARTED: Final = (
    "lost: no process of it recorded anything, since the engine could not start one or stopped it before"
)


def owner(workflow: str, name: str = "") -> Owner:
    """The owner of a run that the workflow of this unique id starts; it has no process whose death could be noticed."""
    return Owner("", 0, workflow=workflow, workflow_name=name)


def check_owner(run: RunRecord, workflow: str) -> RunRecord:
    """The run; InvalidInput if it belongs to another workflow than the one of this id. Without an id every run is allowed."""
    if not workflow or run.owner.workflow == workflow:
        return run
    whose = f"belongs to the workflow {run.owner.workflow}" if run.owner.workflow else "was started by no workflow"
    message = f"the run id '{run.run_id}' is in use: that run {whose}, and this is the workflow {workflow}"
    fix = f"submit with another run id, or with none; resume that run with -p original_run_id={run.run_id}"
    raise InvalidInput(message, fix=fix)


def reopened(store: RunLogStore, run: RunRecord) -> RunRecord:
    """The run, which is processed again where it had failed and an engine comes again."""
    if run.status is not Status.FAIL or run.owner.pid:
        return run
    again = replace(run, status=Status.PROCESSING, message="", end_time=None)
    store.update_run(again)
    return again


def is_settled(graph: Graph, store: RunLogStore, run_id: str, path: StepPath) -> bool:
    """Whether a (sub)pipeline around the step has succeeded, so that no step in it runs any more, also if some failed."""
    branch = path.branch
    while True:
        end = store.get_step(run_id, branch.step(graph.within(branch).terminal(succeeds=True).name))
        if end is not None and end.status is Status.SUCCESS:
            return True
        if branch.composite is None:
            return False
        branch = branch.composite.branch


def status_in_settled(node: Node, known: StepRecord | None) -> Status:
    """The status of a step in a (sub)pipeline that has succeeded; for a step that did not run, one that changes nothing.

    An engine comes to such a step when it tries a workflow again and loses the process of one that had succeeded.
    """
    if known is not None:
        return known.status
    return Status.FAIL if isinstance(node, TerminalNode) and not node.succeeds else Status.SUCCESS


def is_left(graph: Graph, store: RunLogStore, run: RunRecord, known: StepRecord) -> bool:
    """Whether the run has passed the step, or finished: an engine that comes to the step now tries the workflow again."""
    if run.status in ENDED:
        return True
    return place.position(graph, store, run.run_id, known.path) != known.position


def ends_run(known: StepRecord, run: RunRecord) -> bool:
    """Whether it is an end of the pipeline whose process died before it recorded that of the run, which may have failed since."""
    is_open = run.end_time is None or (run.status is Status.FAIL and known.status is Status.SUCCESS)
    return known.is_terminal and known.branch.composite is None and is_open


def reason_of_failure(within: Graph, steps: Sequence[StepRecord], end: StepPath, position: int) -> str:
    """Why a pipeline failed whose fail step `end` is reached, by the records of its steps."""
    failed = [step for step in steps if step.status is Status.FAIL and step.position < position]
    if failed:
        return f"step '{print_names(failed[-1].path.parts)}' failed: {failed[-1].message}"
    if traversal.leads_to_success(within, steps):
        return "lost: every step succeeded, and the process that was to record the end of the run died before it did"
    return reached_fail(end.name)


def close_before(graph: Graph, store: RunLogStore, run_id: str, path: StepPath) -> None:
    """Before the step at `path` starts, which a failure leads to, record the unfinished steps before it."""
    within = graph.within(path.branch)
    if not is_failure_target(within, path.name):
        return
    if is_settled(graph, store, run_id, path):
        return
    steps = store.list_steps(run_id, path.branch)
    if any(step.path == path for step in steps):
        return
    for record in _unfinished(within, path.branch, steps, path.name):
        store.put_step(run_id, record)
        close_branches(graph, store, run_id, record)


def close_branch(
    graph: Graph, store: RunLogStore, run_id: str, branch: BranchPath, reason: Callable[[str], str] | None = None
) -> None:
    """Record the step that a branch did not get beyond, if nothing of it is recorded; what followed is unknown.

    `reason` gives the message for its name, where the engine says why.
    """
    steps = store.list_steps(run_id, branch)
    first = next(iter(_unfinished(graph.within(branch), branch, steps)), None)
    if first is not None:
        message = reason(first.path.name) if reason else first.message
        store.put_step(run_id, replace(first, message=message))


def finished_steps(store: RunLogStore, run_id: str, branch: BranchPath) -> Iterator[StepRecord]:
    """The steps of a branch that reached its end; an unfinished one is recorded as failed, since it never will finish."""
    for step in store.list_steps(run_id, branch):
        if step.status in ENDED:
            yield step
            continue
        failed = lost_attempts.failed(step, now())
        store.put_step(run_id, failed)
        yield failed


def close_branches(graph: Graph, store: RunLogStore, run_id: str, step: StepRecord) -> None:
    """Record that the branches of a step which nobody joined failed, with their unfinished steps."""
    for key in step.branching.keys if step.branching is not None else ():
        branch = step.path.into(key)
        lost_attempts.close_open_steps(store, run_id, branch)
        close_end(graph, store, run_id, branch)


def close_end(graph: Graph, store: RunLogStore, run_id: str, branch: BranchPath) -> None:
    """Record the failure of a branch that has no end, behind its steps; an engine may try them again."""
    steps = store.list_steps(run_id, branch)
    if steps and not steps[-1].is_terminal:
        end = graph.within(branch).terminal(succeeds=False)
        path = branch.step(end.name)
        position = steps[-1].position + 1
        store.put_step(run_id, terminal_record(path, position, Status.FAIL, end.written_as, now()))


def _unfinished(within: Graph, branch: BranchPath, steps: Sequence[StepRecord], until: str = "") -> list[StepRecord]:
    """The unfinished steps on the way to the step `until`, as failed; none if no way of failures leads there.

    Without a step: on the way to the end that failures lead to.
    """
    records = {step.path.name: step for step in steps}
    position = max((step.position for step in steps), default=-1)
    unfinished: list[StepRecord] = []
    for name, node in _way(within, records):
        if name == until:
            return unfinished
        if isinstance(node, TerminalNode):
            break
        record = records.get(name)
        if record is None:
            position += 1
            unfinished.append(
                StepRecord(branch.step(name), position, Status.FAIL, node.written_as, message=NEVER_STARTED)
            )
        elif record.status not in ENDED:
            unfinished.append(lost_attempts.failed(record, now()))
    return [] if until else unfinished


def _way(within: Graph, records: Mapping[str, StepRecord]) -> Iterator[tuple[str, Node]]:
    """The steps from the first one on, up to an end; one that did not succeed counts as failed."""
    name = within.start_at
    while True:
        node = within.nodes[name]
        yield name, node
        if isinstance(node, TerminalNode):
            return
        record = records.get(name)
        succeeded = record is not None and record.status is Status.SUCCESS
        name = node.next if succeeded else failure_of(within, node)
