"""Finds the step that a failure leads to: the step under `on_failure`, or else the fail step. Pure."""

from magnus.graph.nodes import CompositeNode, Graph, Node, TaskNode, TerminalNode


def failure_of(graph: Graph, node: Node) -> str:
    """The step of the (sub)pipeline that the failure of the node leads to; the node is no end."""
    assert isinstance(node, TaskNode | CompositeNode)
    return node.on_failure or graph.terminal(succeeds=False).name


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
