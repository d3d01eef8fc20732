"""Reads the position and scope of a step, and the outcomes of branches, from the run log.

For steps in fresh processes. The orchestrator of a whole run has them from its walk.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from magnus.engine.rules import fan, traversal
from magnus.engine.rules import scope as scopes
from magnus.errors import TaskFailed
from magnus.graph.nodes import CompositeNode, Graph, RepeatedBranch
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import Branching, BranchScope, RunRecord, Status, StepRecord


def before(graph: Graph, store: RunLogStore, run: RunRecord, path: StepPath) -> tuple[int, BranchScope]:
    """The position of the step at `path` and its scope, from the run log.

    TaskFailed if the composite around the step has not started.
    """
    steps = store.list_steps(run.run_id, path.branch)
    way = traversal.way_to(graph.within(path.branch), steps, path.name)
    return traversal.position_of(steps, path), scopes.folded(_start(graph, store, run, path.branch), way)


def _start(graph: Graph, store: RunLogStore, run: RunRecord, branch: BranchPath) -> BranchScope:
    """What the first step of a branch sees, as the run log has it."""
    if branch.composite is None:
        return scopes.initial(run)
    record, node = store.get_step(run.run_id, branch.composite), graph.step(branch.composite)
    key = branch.parts[-1]
    if record is None or record.branching is None or not record.branching.has(key):
        raise TaskFailed(f"'{branch}' has not started", fix=f"magnus fan {run.run_id} {branch.composite} -m out")
    assert isinstance(node, CompositeNode)
    if isinstance(node.branches, RepeatedBranch) and int(key) + 1 < record.branching.count:  # an earlier iteration
        record = replace(record, status=Status.FAIL, branching=replace(record.branching, count=int(key) + 1))
    return fan.branch_scope(node, reopened(graph, store, run, record), key)


def reopened(graph: Graph, store: RunLogStore, run: RunRecord, record: StepRecord) -> StepRecord:
    """The record of a failed composite, as before its branches (of a loop: the last iteration) were joined."""
    if record.status is Status.PROCESSING:
        return record
    node = graph.step(record.path)
    assert isinstance(node, CompositeNode)
    _, scope = before(graph, store, run, record.path)
    again = replace(record, status=Status.PROCESSING, message="", parameters={}, catalog=(), scope=scope)
    if isinstance(node.branches, RepeatedBranch):
        for number in range(record.branching.count - 1 if record.branching else 0):
            outcome = outcome_of(store, run.run_id, record.path.into(str(number)))
            if outcome is not None:
                again = fan.after_iteration(
                    node.branches, replace(again, branching=Branching(count=number + 1)), outcome
                )
    return replace(again, branching=record.branching)


def outcome_of(store: RunLogStore, run_id: str, branch: BranchPath) -> fan.Outcome | None:
    """The outcome of the branch from the run log; None if it has not finished."""
    return outcome_in(branch, store.list_steps(run_id, branch))


def outcome_in(branch: BranchPath, steps: Sequence[StepRecord]) -> fan.Outcome | None:
    """The same, with the records of the branch in order of position."""
    if not steps or not steps[-1].is_terminal:
        return None
    own = scopes.folded_own(steps)
    return fan.Outcome(branch.parts[-1], steps[-1].status is Status.SUCCESS, own.parameters, own.files)
