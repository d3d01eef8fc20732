"""The graph of a (sub)pipeline, and the three shapes of its steps: task, composite and terminal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from magnus.errors import InvalidDefinition, Problem
from magnus.graph.path import BranchPath, StepPath
from magnus.graph.structure import TERMINAL_TYPES, CheckedNodes, Outline, TaskOutline, structure_problems
from magnus.values import Json, UserObject

_PLAIN_TASK: Final = "task"


class Return(Struct, frozen=True):
    """One declared result of a task: its name as a parameter, how the value is kept, and the format of an object, or ""."""

    name: str
    kind: Literal["json", "object", "metric"] = "json"
    format: str = ""


class TaskSpec(Struct, frozen=True):
    """What a task does: the task kind that runs it, the command, and the options of that kind.

    `returns` is None when nothing was declared, which differs from a declaration of no results. `function` is what the
    command stands for, where nothing but this process has it.
    """

    kind: str
    command: str = ""
    options: Mapping[str, Json] = field(default_factory=dict)
    returns: tuple[Return, ...] | None = None
    function: Callable[..., UserObject] | None = None


class CatalogSpec(Struct, frozen=True):
    """Files a task takes from the catalog before it runs and gives to it afterwards, as glob patterns.

    `compute_data_folder` and `strict` are None when the catalog's own options decide.
    """

    get: tuple[str, ...] = ()
    put: tuple[str, ...] = ()
    compute_data_folder: str | None = None
    store_copy: bool = True
    strict: bool | None = None


class CacheSpec(Struct, frozen=True):
    """Which results of earlier runs a task reuses.

    Attributes:
        version: a text of the user; another one makes all earlier results useless.
        max_age: the age in seconds up to which a result is reused; None for any.
        ignore: names of parameters that do not change the result.
        environment: whether the version of python and the installed packages count.
    """

    version: str = ""
    max_age: float | None = None
    ignore: tuple[str, ...] = ()
    environment: bool = False


class TaskNode(Struct, frozen=True):
    """One unit of work. Times are in seconds; `max_attempts` counts the first attempt too.

    `cache` is None where the step always runs. A `mock` stands for the task the user wrote; `is_placeholder` says that the user wrote a step that does nothing yet.
    """

    name: str
    task: TaskSpec
    next: str
    on_failure: str | None = None
    catalog: CatalogSpec = CatalogSpec()
    secrets: tuple[str, ...] = ()
    max_attempts: int = 1
    retry_delay: float = 0.0
    timeout: float | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    written_as: str = _PLAIN_TASK
    mock: bool = False
    is_placeholder: bool = False
    cache: CacheSpec | None = None

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """The (field, target) pairs: `next`, and `on_failure` if it has one."""
        return _edges(self.next, self.on_failure)

    @property
    def outcome(self) -> None:
        """None: it is no terminal."""

    @property
    def branch_names(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def command(self) -> str:
        """The command of its task."""
        return self.task.command

    @property
    def label(self) -> str:
        """The task kind, or the node type where that is more than a plain task."""
        return self.task.kind if self.written_as == _PLAIN_TASK else self.written_as


class StaticBranches(Struct, frozen=True):
    """Branches known from the definition, all of which run; `are_named` is false where the user gave the branch no name."""

    graphs: Mapping[str, "Graph"]
    are_named: bool = True


Reducer: TypeAlias = str | Callable[..., UserObject]
"""A function: its dotted path, a lambda as text, or itself."""


class MappedBranches(Struct, frozen=True):
    """One run of the graph per element of a list parameter (`map`).

    `function` is what the reducer stands for, where nothing but this process has it.
    """

    graph: "Graph"
    iterate_on: str
    iterate_as: str
    reducer: str | None = None
    function: Callable[..., UserObject] | None = None


class ChosenBranch(Struct, frozen=True):
    """The one graph whose key equals a parameter, compared as JSON text (`conditional`)."""

    parameter: str
    graphs: Mapping[str, "Graph"]
    default: "Graph | None" = None


class RepeatedBranch(Struct, frozen=True):
    """The graph again and again, until a boolean parameter says stop (`loop`)."""

    graph: "Graph"
    max_iterations: int
    break_on: str | None = None
    index_as: str | None = None


Branches: TypeAlias = StaticBranches | MappedBranches | ChosenBranch | RepeatedBranch
"""Where the branches of a composite come from."""


class CompositeNode(Struct, frozen=True):
    """A step made of branches; they differ only in where the branches come from."""

    name: str
    branches: Branches
    next: str
    on_failure: str | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    written_as: str = "parallel"

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """The (field, target) pairs: `next`, and `on_failure` if it has one."""
        return _edges(self.next, self.on_failure)

    @property
    def outcome(self) -> None:
        """None: it is no terminal."""

    @property
    def branch_names(self) -> tuple[str, ...]:
        """The names of branches that all run."""
        return tuple(self.branches.graphs) if isinstance(self.branches, StaticBranches) else ()


class TerminalNode(Struct, frozen=True):
    """An end of a (sub)pipeline: reaching it decides whether the (sub)pipeline succeeded."""

    name: str
    succeeds: bool

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """None."""
        return ()

    @property
    def outcome(self) -> bool:
        """Whether reaching it is a success."""
        return self.succeeds

    @property
    def branch_names(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def written_as(self) -> str:
        """The node type a user writes for it."""
        return TERMINAL_TYPES[self.succeeds]


Node: TypeAlias = TaskNode | CompositeNode | TerminalNode
"""A node of the graph."""


def _edges(following: str, on_failure: str | None) -> tuple[tuple[str, str], ...]:
    return (("next", following),) if on_failure is None else (("next", following), ("on_failure", on_failure))


class Graph(Struct, frozen=True):
    """Steps by name, in the order they were written, and where to start.

    Raises InvalidDefinition on construction when the structure is faulty; the error carries every fault. `CheckedNodes` are
    not checked again.
    """

    start_at: str
    nodes: Mapping[str, Node]
    name: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.nodes, CheckedNodes):
            return
        if problems := structure_problems(self.start_at, self.nodes):
            raise InvalidDefinition.of([Problem(p.message, p.fix, step=p.step) for p in problems])

    def terminal(self, *, succeeds: bool) -> TerminalNode:
        """The success or the fail step."""
        backwards = reversed([*self.outlines.items()])  # most pipelines end with them
        node = self.nodes[next(name for name, step in backwards if step.outcome is succeeds)]
        assert isinstance(node, TerminalNode)
        return node

    @property
    def outlines(self) -> Mapping[str, Outline]:
        """The nodes by name; of `CheckedNodes` without making them."""
        return self.nodes.outlines if isinstance(self.nodes, CheckedNodes) else self.nodes

    def way_of_successes(self) -> Sequence[str]:
        """The steps from the first one to an end, if none fails."""
        outlines, name = self.outlines, self.start_at
        way = [name]
        while edges := outlines[name].edges:
            name = edges[0][1]
            way.append(name)
        return way

    def task_outlines(self) -> Iterator[TaskOutline]:
        """As `tasks`, without making the nodes of `CheckedNodes`."""
        for step in self.outlines.values():
            if isinstance(step, CompositeNode):
                for graph in graphs_of(step):
                    yield from graph.task_outlines()
            elif not isinstance(step, TerminalNode):
                yield step

    def step(self, path: StepPath) -> Node:
        """The node at `path`; KeyError when there is none."""
        parts = path.parts
        graph = self if len(parts) == 1 else self.within(path.branch)
        return graph.nodes[parts[-1]]

    def tasks(self) -> Iterator[TaskNode]:
        """All tasks, also in inner pipelines."""
        for node in self.nodes.values():
            if isinstance(node, TaskNode):
                yield node
            elif isinstance(node, CompositeNode):
                for graph in graphs_of(node):
                    yield from graph.tasks()

    def needs_this_process(self) -> bool:
        """Whether anything in it calls a function that no other process can find."""
        for node in self.nodes.values():
            match node:
                case TaskNode(task=task) if task.function is not None:
                    return True
                case CompositeNode(branches=MappedBranches(function=function)) if function is not None:
                    return True
                case CompositeNode() if any(graph.needs_this_process() for graph in graphs_of(node)):
                    return True
                case _:
                    pass
        return False

    def within(self, branch: BranchPath) -> "Graph":
        """The (sub)pipeline at `branch`; KeyError when there is none."""
        graph, parts = self, branch.parts
        for place in range(0, len(parts), 2):
            node = graph.nodes[parts[place]]
            if not isinstance(node, CompositeNode):
                raise KeyError(parts[place])
            graph = branch_of(node, parts[place + 1])
        return graph


def branch_of(node: CompositeNode, key: str) -> Graph:
    """The (sub)pipeline of the branch with this key; KeyError when there is none."""
    match node.branches:
        case MappedBranches() | RepeatedBranch() as repeated:
            return repeated.graph
        case StaticBranches(graphs=graphs):
            return graphs[key]
        case ChosenBranch(graphs=graphs, default=default):
            return graphs[key] if key in graphs or default is None else default


def named_graphs(node: CompositeNode) -> list[tuple[tuple[str, ...], Graph]]:
    """The (sub)pipelines of its branches, each once, with the name of each where it has one."""
    graphs: list[tuple[tuple[str, ...], Graph]] = []

    def collect(key: tuple[str, ...], graph: Graph) -> Graph:
        graphs.append((key, graph))
        return graph

    with_graphs(node, collect)
    return graphs


def with_graphs(node: CompositeNode, change: Callable[[tuple[str, ...], Graph], Graph]) -> CompositeNode:
    """The node with changed (sub)pipelines; `change` also gets the name of each, where it has one."""
    match node.branches:
        case StaticBranches(graphs=graphs, are_named=are_named) as static:
            changed = {key: change((key,) if are_named else (), graph) for key, graph in graphs.items()}
            return replace(node, branches=replace(static, graphs=changed))
        case ChosenBranch(graphs=graphs, default=default) as chosen:
            changed = {key: change((key,), graph) for key, graph in graphs.items()}
            other = None if default is None else change((), default)
            return replace(node, branches=replace(chosen, graphs=changed, default=other))
        case MappedBranches(graph=graph) | RepeatedBranch(graph=graph) as one:
            return replace(node, branches=replace(one, graph=change((), graph)))


def graphs_of(node: CompositeNode) -> tuple[Graph, ...]:
    """All graphs that branches of the node may be, in the order in which they are written."""
    match node.branches:
        case StaticBranches(graphs=graphs):
            return tuple(graphs.values())
        case ChosenBranch(graphs=graphs, default=default):
            return (*graphs.values(), *(() if default is None else (default,)))
        case MappedBranches(graph=graph) | RepeatedBranch(graph=graph):
            return (graph,)
