"""Where failures lead: to the step under `on_failure`, or else to the fail step. Pure."""

from magnus.graph.nodes import CompositeNode, Graph, Node, TaskNode, TerminalNode


def failure_of(graph: Graph, node: Node) -> str:
    """The step of the (sub)pipeline that the failure of the node leads to; the node is no end."""
    assert isinstance(node, TaskNode | CompositeNode)
    return node.on_failure or graph.terminal(succeeds=False).name


def may_begin_run(graph: Graph) -> set[str]:
    """The steps whose process may be the first one of a run: the first step, and where failures lead to from there.

    Another engine may not be able to start a process; it goes on as after a failure.
    """
    name, found = graph.start_at, set[str]()
    while True:
        found.add(name)
        node = graph.nodes[name]
        if isinstance(node, TerminalNode):
            return found
        name = failure_of(graph, node)
