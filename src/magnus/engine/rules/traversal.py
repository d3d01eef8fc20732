"""What happens next in a run. Pure: the orchestrator does it, a transpiler writes the same graph down."""

from typing import TypeAlias

from msgspec import Struct

from magnus.graph.nodes import CompositeNode, Graph, TaskNode, TerminalNode
from magnus.graph.path import BranchPath, StepPath


class RunStep(Struct, frozen=True):
    """Run the task at `path`, the `position`-th step of its branch."""

    path: StepPath
    position: int


class FanOut(Struct, frozen=True):
    """Begin the branches of the composite at `path`, the `position`-th step of its branch."""

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
    return _arrival(graph, branch.step(graph.within(branch).start_at), 0)


def following(graph: Graph, path: StepPath, position: int, *, succeeded: bool) -> Action:
    """What comes after the step at `path`: `next`, or on failure `on_failure`, or else the fail step."""
    within = graph.within(path.branch)
    node = within.nodes[path.name]
    if isinstance(node, TerminalNode):
        raise TypeError(f"nothing follows the terminal step '{node.name}'")
    target = node.next if succeeded else node.on_failure or within.terminal(succeeds=False).name
    return _arrival(graph, path.branch.step(target), position + 1)


def _arrival(graph: Graph, path: StepPath, position: int) -> Action:
    match graph.step(path):
        case TaskNode():
            return RunStep(path, position)
        case CompositeNode():
            return FanOut(path, position)
        case TerminalNode(succeeds=succeeds):
            return Finish(path, position, succeeds)
