"""Runs whose steps another engine starts: which workflow owns a run, and what of it stands when the engine comes again.

Called by `engine_run`. An engine comes again to a run that had failed when its user tries the workflow again.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from magnus.engine.rules import traversal
from magnus.engine.step.outcomes import reached_fail
from magnus.errors import InvalidInput
from magnus.graph.nodes import Graph, Node, TerminalNode
from magnus.graph.path import StepPath, print_names
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import ENDED, Owner, RunRecord, Status, StepRecord


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


def is_settled(store: RunLogStore, run_id: str, path: StepPath) -> bool:
    """Whether a (sub)pipeline around the step has succeeded, so that no step in it runs any more, also if some failed."""
    branch = path.branch
    while True:
        steps = store.list_steps(run_id, branch)
        if steps and steps[-1].is_terminal and steps[-1].status is Status.SUCCESS:
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


def is_left(store: RunLogStore, run: RunRecord, known: StepRecord) -> bool:
    """Whether the run has passed the step, or finished: an engine that comes to the step now tries the workflow again."""
    if run.status in ENDED:
        return True
    return traversal.position_of(store.list_steps(run.run_id, known.path.branch), known.path) != known.position


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
