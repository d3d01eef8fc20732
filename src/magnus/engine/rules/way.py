"""The way that a (sub)pipeline took, found in its records. Pure; used by `engine.step.place` and `engine.reentry`.

An engine may try a failed workflow again. A step that failed then runs once more, and the steps behind it may be others
than before: the records of the earlier way stay, and count no more. Positions are a clock for that: a step that runs
again after others came behind it takes a position behind them.
"""

from collections.abc import Sequence

from magnus.graph.nodes import Graph, TerminalNode
from magnus.graph.path import StepPath
from magnus.run_log.records import Status, StepRecord


def position_of(steps: Sequence[StepRecord], path: StepPath) -> int:
    """The position of the step at `path` when it runs now; `steps` are its branch, by position."""
    last = steps[-1] if steps else None
    if last is None:
        return 0
    return last.position if last.path == path else last.position + 1


def taken_to(graph: Graph, steps: Sequence[StepRecord], name: str) -> Sequence[StepRecord]:
    """The steps that lead from the start of `graph` to the step `name`, in order.

    Where none do, because somebody runs steps in an order of their own: those with a position before it, else all.
    """
    taken = _taken(graph, steps, name)
    if taken is not None:
        return taken
    own = next((step.position for step in steps if step.path.name == name), None)
    return [step for step in steps if own is None or step.position < own]


def given_up(graph: Graph, steps: Sequence[StepRecord], name: str) -> tuple[str, ...]:
    """The steps that ran on another way than the one that leads to the end `name`, by their positions."""
    taken = _taken(graph, steps, name)
    if taken is None or len(taken) == sum(step.path.name != name for step in steps):
        return ()
    on_the_way = {step.path.name for step in taken}
    return tuple(step.path.name for step in steps if step.path.name not in on_the_way and step.path.name != name)


def leads_to_success(graph: Graph, steps: Sequence[StepRecord]) -> bool:
    """Whether every step from the start on succeeded, and the last one leads to the end that succeeds."""
    succeeded = {step.path.name for step in steps if step.status is Status.SUCCESS}
    node = graph.nodes[graph.start_at]
    while not isinstance(node, TerminalNode):
        if node.name not in succeeded:
            return False
        node = graph.nodes[node.next]
    return node.succeeds


def _taken(graph: Graph, steps: Sequence[StepRecord], name: str) -> Sequence[StepRecord] | None:
    """The steps on the way to the step `name`; None when the records do not lead there."""
    by_name = {step.path.name: step for step in steps}
    fail = graph.terminal(succeeds=False).name
    taken: list[StepRecord] = []
    at, came = graph.start_at, -1
    while at != name:
        node, step = graph.nodes[at], by_name.get(at)
        if isinstance(node, TerminalNode):
            return None
        if step is not None:
            taken.append(step)
            came = step.position
        if step is not None and step.status is Status.SUCCESS:
            at = node.next
            continue
        at = node.on_failure or fail
        following = by_name.get(at)
        has_failed = step is not None and step.status is Status.FAIL
        if at != name and not has_failed and (following is None or following.position < came):
            return None  # it has not ended, and nobody went on without it
    return taken
