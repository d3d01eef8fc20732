"""The texts that every picture shows for a step, and the order of the steps in it."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

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
)
from magnus.graph.path import BranchPath, StepPath

EVERY = "*"
"""The key of the branch that stands for all of a `map` or `loop`, and for the default of a `conditional`."""


class Branch(Struct, frozen=True):
    """A branch of a composite: its title or "", its path, and its steps."""

    title: str
    path: BranchPath
    graph: Graph
    is_default: bool = False


def branches(node: CompositeNode, path: StepPath) -> tuple[Branch, ...]:
    """The branches of the composite at `path`, in the order in which they are written."""
    match node.branches:
        case StaticBranches(graphs=graphs, are_named=are_named):
            return tuple(Branch(key if are_named else "", path.into(key), graph) for key, graph in graphs.items())
        case ChosenBranch(graphs=graphs, default=default):
            chosen = tuple(Branch(key, path.into(key), graph) for key, graph in graphs.items())
            other = (
                ()
                if default is None
                else (Branch("otherwise", path.into(_default_key(graphs)), default, is_default=True),)
            )
            return chosen + other
        case MappedBranches(graph=graph) | RepeatedBranch(graph=graph):
            return (Branch("", path.into(EVERY), graph),)


def only_step(graph: Graph) -> Node | None:
    """The step of a (sub)pipeline that has one step, which leads to success alone; None for every other pipeline.

    A picture needs neither lines nor ends for it.
    """
    steps = [node for node in graph.nodes.values() if not isinstance(node, TerminalNode)]
    if len(steps) != 1 or steps[0].edges != (("next", graph.terminal(succeeds=True).name),):
        return None
    return steps[0]


def drawn_path(graph: Graph, path: StepPath) -> StepPath:
    """The path in a picture of `graph` for a step of a run; the picture has one branch for all of a `map` or `loop`.

    KeyError when the graph has no such step.
    """
    parts: list[str] = []
    for name, key in zip(path.parts[:-1:2], path.parts[1::2], strict=True):
        node = graph.nodes[name]
        if not isinstance(node, CompositeNode):
            raise KeyError(name)
        by_key = {branch.path.parts[-1]: branch for branch in branches(node, StepPath((name,)))}
        chosen = key if key in by_key else _default_key(_named(node))
        parts += [name, chosen]
        graph = by_key[chosen].graph
    if path.name not in graph.nodes:
        raise KeyError(path.name)
    return StepPath((*parts, path.name))


def kind(node: Node) -> str:
    """The kind of the step: its command type, or the node type that was written for it."""
    return node.label if isinstance(node, TaskNode) else node.written_as


def detail(node: Node) -> str:
    """The detail of the step to show beside its kind, on one line, or ""."""
    match node:
        case TaskNode(task=task):
            return _first_line(task.command)
        case TerminalNode():
            return ""
        case CompositeNode(branches=MappedBranches(iterate_on=iterate_on, iterate_as=iterate_as)):
            return f"{iterate_as} in {iterate_on}"
        case CompositeNode(branches=ChosenBranch(parameter=parameter)):
            return f"on {parameter}"
        case CompositeNode(branches=RepeatedBranch(max_iterations=most, break_on=break_on)):
            until = f"until {break_on}, " if break_on else ""
            return f"{until}at most {most} iteration{'' if most == 1 else 's'}"
        case CompositeNode():
            return ""


def _first_line(command: str) -> str:
    """The first line that says anything, with an ellipsis where there are others."""
    lines = [" ".join(line.split()) for line in command.splitlines() if line.strip()]
    return f"{lines[0]} …" if len(lines) > 1 else "".join(lines)


def shown_nodes(graph: Graph) -> tuple[Node, ...]:
    """The steps of a picture: reached steps, `next` before `on_failure`; then tasks without a step that leads to them."""
    reached: dict[str, Node] = {}
    for start in (graph.start_at, *(name for name, node in graph.nodes.items() if not isinstance(node, TerminalNode))):
        waiting = [start]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached[name] = graph.nodes[name]
                waiting += [target for _, target in reversed(graph.nodes[name].edges)]
    return tuple(reached.values())


def in_order(graph: Graph) -> tuple[Node, ...]:
    """The steps of a picture so that every edge leads on; where that leaves a choice, `next` follows at once."""
    nodes = {node.name: node for node in shown_nodes(graph)}
    missing = dict.fromkeys(nodes, 0)
    for node in nodes.values():
        for _, target in node.edges:
            missing[target] += 1
    ready = [name for name in reversed(nodes) if not missing[name]]
    ordered: list[Node] = []
    while ready:
        node = nodes[ready.pop()]
        ordered.append(node)
        for _, target in reversed(node.edges):
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    return tuple(ordered)


def all_steps(graph: Graph, branch: BranchPath = BranchPath()) -> Iterator[tuple[StepPath, Node]]:  # noqa: B008 - frozen
    """Every step of a picture with its path, steps of branches after the step around them."""
    alone = only_step(graph) if branch.parts else None
    for node in shown_nodes(graph) if alone is None else (alone,):
        path = branch.step(node.name)
        yield path, node
        if isinstance(node, CompositeNode):
            for inner in branches(node, path):
                yield from all_steps(inner.graph, inner.path)


def _named(node: CompositeNode) -> Mapping[str, Graph]:
    return node.branches.graphs if isinstance(node.branches, StaticBranches | ChosenBranch) else {}


def _default_key(graphs: Mapping[str, Graph]) -> str:
    key = EVERY
    while key in graphs:
        key += EVERY
    return key
