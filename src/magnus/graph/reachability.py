"""Finds which steps of a pipeline a run can reach, must pass, or may leave by a failure, and where a failure leads. Pure."""

from collections.abc import Iterator

from magnus.graph.nodes import (
    ChosenBranch,
    CompositeNode,
    Graph,
    MappedBranches,
    Node,
    RepeatedBranch,
    StaticBranches,
    TaskNode,
    TerminalNode,
    graphs_of,
)


def failure_of(graph: Graph, node: Node) -> str:
    """The step of the (sub)pipeline that the failure of the node leads to; the node is no end."""
    assert isinstance(node, TaskNode | CompositeNode)
    return node.on_failure or graph.terminal(succeeds=False).name


def is_failure_target(graph: Graph, name: str) -> bool:
    """Whether a failure in the (sub)pipeline leads to the step."""
    if name == graph.terminal(succeeds=False).name:
        return any(
            not isinstance(step, TerminalNode) and step.on_failure in {None, name} for step in graph.outlines.values()
        )
    return any(not isinstance(step, TerminalNode) and step.on_failure == name for step in graph.outlines.values())


def may_start_run(graph: Graph) -> set[str]:
    """The steps whose process may be the first one of a run: the first step, and where failures lead to from there.

    If another engine cannot start a process, it continues as after a failure.
    """
    name, first_steps = graph.start_at, set[str]()
    while True:
        first_steps.add(name)
        node = graph.nodes[name]
        if isinstance(node, TerminalNode):
            return first_steps
        name = failure_of(graph, node)


def is_step_caught(graph: Graph, node: TaskNode | CompositeNode, *, is_caught: bool) -> bool:
    """Whether the run may succeed though the step fails; `is_caught` says so of the (sub)pipeline that it is in."""
    return is_caught if node.on_failure is None else reaches_success(graph, node.on_failure) or is_caught


def can_succeed(graph: Graph) -> bool:
    """Whether some path leads to the success of the (sub)pipeline, through branches that can succeed themselves."""
    end, waiting, reached = graph.terminal(succeeds=True).name, [graph.start_at], set[str]()
    while waiting:
        name = waiting.pop()
        node = graph.nodes[name]
        if name in reached:
            continue
        reached.add(name)
        ends = isinstance(node, CompositeNode) and not _branches_can_succeed(node)
        waiting += [target for field, target in node.edges if field != "next" or not ends]
    return end in reached


def _branches_can_succeed(node: CompositeNode) -> bool:
    match node.branches:
        case StaticBranches(graphs=graphs):
            return all(map(can_succeed, graphs.values()))
        case ChosenBranch():
            return any(map(can_succeed, graphs_of(node)))
        case RepeatedBranch(graph=inner):
            return can_succeed(inner)
        case MappedBranches():  # there may be no element
            return True


def caught_steps(graph: Graph, *, is_caught: bool = False) -> Iterator[TaskNode | CompositeNode]:
    """The steps that may fail in a run that succeeds, by their own `on_failure` or one around them."""
    for node in graph.nodes.values():
        if isinstance(node, TerminalNode):
            continue
        caught = is_step_caught(graph, node, is_caught=is_caught)
        if caught:
            yield node
        if isinstance(node, CompositeNode):
            for inner in graphs_of(node):
                yield from caught_steps(inner, is_caught=caught)


def reaches_success(graph: Graph, start: str, *, without: str = "") -> bool:
    """Whether some path from a step leads to the success of its (sub)pipeline, not through the step `without`."""
    end = graph.terminal(succeeds=True).name
    return end in _reached(graph, start, without)


def _reached(graph: Graph, start: str, without: str) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in reached and name != without:
            reached.add(name)
            waiting += (target for _, target in graph.nodes[name].edges)
    return reached


def unavoidable(graph: Graph) -> Iterator[TaskNode | CompositeNode]:
    """The steps that have to succeed for the (sub)pipeline to succeed, also steps in branches that always run."""
    for name, node in graph.nodes.items():
        if isinstance(node, TerminalNode) or reaches_success(graph, graph.start_at, without=name):
            continue
        if node.on_failure is not None and reaches_success(graph, node.on_failure):
            continue
        yield node
        if isinstance(node, CompositeNode):
            match node.branches:
                case StaticBranches(graphs=graphs):
                    for inner in graphs.values():
                        yield from unavoidable(inner)
                case RepeatedBranch(graph=inner):
                    yield from unavoidable(inner)
                case MappedBranches() | ChosenBranch():
                    pass
