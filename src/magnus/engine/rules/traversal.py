"""What happens next in a run, and which way a (sub)pipeline took by its records. Pure.

The orchestrator does what comes next; a transpiler writes the same graph down.
"""

from collections.abc import Sequence
from typing import TypeAlias

from msgspec import Struct

from magnus.graph.nodes import CompositeNode, Graph, Node, TaskNode, TerminalNode
from magnus.graph.path import BranchPath, StepPath
from magnus.run_log.records import Status, StepRecord


class RunStep(Struct, frozen=True):
    """Run the task at `path`, the `position`-th step of its branch."""

    path: StepPath
    position: int


class FanOut(Struct, frozen=True):
    """Start the branches of the composite at `path`, the `position`-th step of its branch."""

    path: StepPath
    position: int


class Finish(Struct, frozen=True):
    """A (sub)pipeline reached its end at `path`; `succeeds` says which one."""

    path: StepPath
    position: int
    succeeds: bool


Action: TypeAlias = RunStep | FanOut | Finish


def first(graph: Graph, branch: BranchPath) -> Action:
    """What a (sub)pipeline begins with."""
    within = graph.within(branch)
    return _arrival(within.nodes[within.start_at], branch, 0)


def following(graph: Graph, path: StepPath, position: int, *, succeeded: bool) -> Action:
    """What comes after the step at `path`: `next`, or on failure `on_failure`, or else the fail step."""
    branch = path.branch
    within = graph.within(branch)
    node = within.nodes[path.name]
    if isinstance(node, TerminalNode):
        raise TypeError(f"nothing follows the terminal step '{node.name}'")
    target = node.next if succeeded else node.on_failure or within.terminal(succeeds=False).name
    return _arrival(within.nodes[target], branch, position + 1)


def _arrival(node: Node, branch: BranchPath, position: int) -> Action:
    path = branch.step(node.name)
    match node:
        case TaskNode():
            return RunStep(path, position)
        case CompositeNode():
            return FanOut(path, position)
        case TerminalNode(succeeds=succeeds):
            return Finish(path, position, succeeds)


def position_of(steps: Sequence[StepRecord], path: StepPath) -> int:
    """The position of the step at `path` when it runs now; `steps` are its branch, by position."""
    last = steps[-1] if steps else None
    if last is None:
        return 0
    return last.position if last.path == path else last.position + 1


def way_to(graph: Graph, steps: Sequence[StepRecord], name: str) -> Sequence[StepRecord]:
    """The steps that lead from the start of `graph` to the step `name`, in order.

    If the records do not lead there, because a user runs steps in another order: all steps with an earlier position, or
    all steps if the step has no record.
    """
    way = _way_to(graph, steps, name)
    if way is not None:
        return way
    own = next((step.position for step in steps if step.path.name == name), None)
    return [step for step in steps if own is None or step.position < own]


def has_way_to(graph: Graph, steps: Sequence[StepRecord], name: str) -> bool:
    """Whether the records lead from the start of `graph` to the step `name`."""
    return _way_to(graph, steps, name) is not None


def given_up(graph: Graph, steps: Sequence[StepRecord], name: str) -> tuple[str, ...]:
    """The steps that ran on another way than the one that leads to the end `name`, by their positions."""
    way = _way_to(graph, steps, name)
    if way is None or len(way) == sum(step.path.name != name for step in steps):
        return ()
    on_the_way = {step.path.name for step in way}
    return tuple(step.path.name for step in steps if step.path.name not in on_the_way and step.path.name != name)


def leads_to_success(graph: Graph, steps: Sequence[StepRecord]) -> bool:
    """Whether every step from the start on succeeded, and the last one leads to the end that succeeds."""
    succeeded = {step.path.name for step in steps if step.status is Status.SUCCESS}
    *names, end = graph.way_of_successes()
    return succeeded.issuperset(names) and bool(graph.outlines[end].outcome)


def _way_to(graph: Graph, steps: Sequence[StepRecord], name: str) -> Sequence[StepRecord] | None:
    """The steps on the way to the step `name`; None when the records do not lead there."""
    by_name = {step.path.name: step for step in steps}
    fail = graph.terminal(succeeds=False).name
    way: list[StepRecord] = []
    at, came = graph.start_at, -1
    while at != name:
        edges, step = graph.outlines[at].edges, by_name.get(at)
        if not edges:  # an end
            return None
        if step is not None:
            way.append(step)
            came = step.position
        if step is not None and step.status is Status.SUCCESS:
            at = edges[0][1]
            continue
        at = edges[1][1] if len(edges) > 1 else fail
        following = by_name.get(at)
        has_failed = step is not None and step.status is Status.FAIL
        if at != name and not has_failed and (following is None or following.position < came):
            return None  # it has not finished, and no later step ran without it
    return way
