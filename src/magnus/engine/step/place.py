"""Reads the position and scope of a step, and the outcomes of branches, from the run log.

For steps in fresh processes. The orchestrator of a whole run has them from its walk.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from magnus.engine.rules import fan, traversal
from magnus.engine.rules import scope as scopes
from magnus.errors import RunLogStoreError, TaskFailed
from magnus.graph.nodes import CompositeNode, Graph, RepeatedBranch
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.run_log_store import CountsSteps, FindsDamage, RunLogStore
from magnus.run_log.records import Branching, BranchScope, RunRecord, Status, StepRecord


def before(graph: Graph, store: RunLogStore, run: RunRecord, path: StepPath) -> tuple[int, BranchScope]:
    """The position of the step at `path` and its scope, from the run log.

    TaskFailed if the composite around the step has not started, RunLogStoreError if a damaged record is missing before the step.
    """
    near = _after_successes(graph, store, run.run_id, path)
    if near is not None:
        has_scope = near.steps and near.steps[0].scope is not None
        start = BranchScope() if has_scope else _start(graph, store, run, path.branch)
        return near.position, scopes.folded(start, near.steps)
    steps, within = store.list_steps(run.run_id, path.branch), graph.within(path.branch)
    way = traversal.way_to(within, steps, path.name)
    if not traversal.has_way_to(within, steps, path.name):
        _refuse_damaged(store, run.run_id, path.branch, steps)
        way = [replace(step, scope=None) for step in way]  # they carry scopes of other ways
    scope = scopes.folded(_start(graph, store, run, path.branch), way)
    if [step.path.name for step in way] != _steps_before(within, path.name):
        scope = replace(scope, is_final=False)
    return traversal.position_of(steps, path), scope


def position(graph: Graph, store: RunLogStore, run_id: str, path: StepPath) -> int:
    """The position of the step at `path` when it runs now, from the run log."""
    near = _after_successes(graph, store, run_id, path)
    if near is not None:
        return near.position
    return traversal.position_of(store.list_steps(run_id, path.branch), path)


class _AfterSuccesses(NamedTuple):
    """The position of a step that only successes lead to, and the last of them; the first may carry a scope."""

    position: int
    steps: Sequence[StepRecord]


def _after_successes(graph: Graph, store: RunLogStore, run_id: str, path: StepPath) -> _AfterSuccesses | None:
    """The last steps before the one at `path`, back to one that carries a scope, if all steps before it succeeded.

    So a process reads as many records after 5,000 steps as after 50. None if a step ran that is not on the way of successes,
    or a record is missing or damaged: then all records of the branch are to be read.

    A record that carries a scope says that all steps before it have succeeded, and the first success of a step stands. So
    the steps before it need not be read; if there are no other steps in the branch, all positions are below its own.
    """
    if not isinstance(store, CountsSteps):
        return None
    way = _steps_before(graph.within(path.branch), path.name)
    if way is None:
        return None
    own = store.get_step(run_id, path)
    if store.count_steps(run_id, path.branch) != len(way) + (own is not None):
        return None
    steps: list[StepRecord] = []
    for name in reversed(way):
        step = store.get_step(run_id, path.branch.step(name))
        if step is None or step.status is not Status.SUCCESS or (steps and step.position >= steps[-1].position):
            return None
        steps.append(step)
        if step.scope is not None:
            break
    last = steps[0].position if steps else -1
    is_last = own is not None and own.position > last
    return _AfterSuccesses(own.position if own is not None and is_last else last + 1, steps[::-1])


def _steps_before(within: Graph, name: str) -> Sequence[str] | None:
    """The steps from the first one to the one before `name`, if none fails; None if only failures lead to it."""
    way = within.way_of_successes()
    return way[: way.index(name)] if name in way else None


def _refuse_damaged(store: RunLogStore, run_id: str, branch: BranchPath, steps: Sequence[StepRecord]) -> None:
    """RunLogStoreError if the success of a step in the branch may be damaged: the next step would not see its parameters."""
    if not isinstance(store, FindsDamage):
        return
    succeeded = {str(step.path) for step in steps if step.status is Status.SUCCESS}
    for record in store.damaged_records(run_id):
        around, _, name = record.step.rpartition("/")
        if name and around == str(branch) and record.step not in succeeded:
            raise RunLogStoreError(
                f"the record of step '{record.step}' is damaged, {record.place}: {record.problem}",
                fix=f"run that step again: magnus execute_single_node {run_id} {record.step}",
            )


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
