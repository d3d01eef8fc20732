"""Structure of one (sub)pipeline: everything that is wrong with its steps and edges, all at once. Pure.

Called by `Graph` on construction and by the definition layer, which adds file, line and column.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from msgspec import Struct

from magnus.suggest import nearest_or_all

if TYPE_CHECKING:
    from magnus.graph.nodes import CompositeNode, Node, TerminalNode  # they stand above

TERMINAL_TYPES: Final = {True: "success", False: "fail"}
"""The node types of terminals, by whether reaching them is a success; also the names of terminals that nobody wrote."""

NOWHERE: Final = "\0"
"""The name of the step after one that cannot be read; no step has this name."""


class StepOutline(Protocol):
    """A step as far as the structure of its (sub)pipeline goes."""

    @property
    def name(self) -> str:
        """Its name in the (sub)pipeline."""
        ...

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """The (field, target) pairs: `next`, then `on_failure` where it has one."""
        ...

    @property
    def outcome(self) -> bool | None:
        """Whether reaching it is the success of the (sub)pipeline, or its failure; None where it is no terminal."""
        ...

    @property
    def branch_names(self) -> tuple[str, ...]:
        """The names of branches that steps around name in their paths."""
        ...


Edges: TypeAlias = tuple[tuple[str, str], ...]
"""(field, target) pairs: `next`, then `on_failure` if there is one."""


class TaskOutline(Protocol):
    """What is known of a task before its node is made; a node has it too."""

    @property
    def edges(self) -> Edges:
        """The edges to the steps that follow."""
        ...

    @property
    def outcome(self) -> None:
        """None: it is no terminal."""
        ...

    @property
    def on_failure(self) -> str | None:
        """The step that its failure leads to; None for the fail step."""
        ...

    @property
    def command(self) -> str:
        """What the task runs, as it is written."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of its secrets."""
        ...


Outline: TypeAlias = "TaskOutline | CompositeNode | TerminalNode"


class CheckedNodes(Mapping[str, "Node"]):
    """The nodes of a pipeline that was checked before, by name, in the order they were written.

    Each is made when it is read first: a process of an existing run needs few of them, and the outlines of all.

    `make` makes the node of a name, and raises InvalidDefinition if this process cannot.
    """

    def __init__(self, outlines: Mapping[str, Outline], make: "Callable[[str], Node]") -> None:
        self.outlines = outlines
        self._make = make
        self._made: dict[str, Node] = {}

    def __getitem__(self, name: str) -> "Node":
        node = self._made.get(name)
        if node is None:
            if name not in self.outlines:
                raise KeyError(name)
            node = self._made[name] = self._make(name)
        return node

    def __contains__(self, name: object) -> bool:
        return name in self.outlines

    def __iter__(self) -> Iterator[str]:
        return iter(self.outlines)

    def __len__(self) -> int:
        return len(self.outlines)


class StructureProblem(Struct, frozen=True):
    """A fault in the structure: the step ("" for the pipeline itself) and the field it is written in."""

    step: str
    field: str
    message: str
    fix: str


def structure_problems(start_at: str, nodes: Mapping[str, StepOutline]) -> tuple[StructureProblem, ...]:
    """All faults of a (sub)pipeline: terminals, names, edges and cycles, in the order of the steps."""
    problems = [*_terminal_problems(nodes), *_start_problems(start_at, nodes)]
    for node in nodes.values():
        problems += _name_problems(node.name)
        problems += _branch_name_problems(node.name, node.branch_names)
        problems += _edge_problems(node, nodes)
    problems += _cycle_problems(start_at, nodes)
    return tuple(problems)


def unreachable(start_at: str, nodes: Mapping[str, StepOutline]) -> tuple[str, ...]:
    """Names of the tasks and composites that no path from `start_at` leads to."""
    reached: set[str] = set()
    waiting = [start_at]
    while waiting:
        name = waiting.pop()
        if name in reached or name not in nodes:
            continue
        reached.add(name)
        waiting += (target for _, target in nodes[name].edges)
    return tuple(name for name, node in nodes.items() if name not in reached and node.outcome is None)


def _terminal_problems(nodes: Mapping[str, StepOutline]) -> Iterator[StructureProblem]:
    for succeeds, kind in TERMINAL_TYPES.items():
        ends = [node.name for node in nodes.values() if node.outcome is succeeds]
        if len(ends) != 1:
            names = ", ".join(f"'{name}'" for name in ends) or "none"
            yield StructureProblem(
                ends[1] if ends else "",
                "type",
                f"a pipeline has exactly one {kind} step, this one has {len(ends) or 'none'}"
                + (f": {names}" if ends else ""),
                f"keep one step of type {kind}",
            )


def _start_problems(start_at: str, nodes: Mapping[str, StepOutline]) -> Iterator[StructureProblem]:
    if start_at not in nodes:
        yield StructureProblem(
            "", "start_at", f"start_at names '{start_at}', which is not a step", _which(start_at, nodes)
        )


def _name_problems(name: str) -> Iterator[StructureProblem]:
    if not name or "\0" in name:
        what = "is empty" if not name else "may not hold the character NUL"
        yield StructureProblem(name, "", f"the name of a step {what}", "give it a name")
    for character in (".", "%"):
        if character in name:
            yield StructureProblem(
                name,
                "",
                f"the name of a step may not hold '{character}'",
                f"call it '{name.replace(character, ' ')}'",
            )


def _branch_name_problems(step: str, names: Iterable[str]) -> Iterator[StructureProblem]:
    for name in names:
        for character in (".", "%"):
            if character in name:
                fix = f"call it '{name.replace(character, ' ')}'"
                yield StructureProblem(step, "branches", f"the name of branch '{name}' may not hold '{character}'", fix)


def _edge_problems(node: StepOutline, nodes: Mapping[str, StepOutline]) -> Iterator[StructureProblem]:
    for field, target in node.edges:
        if target not in nodes:
            yield StructureProblem(
                node.name, field, f"{field} names '{target}', which is not a step", _which(target, nodes, node.name)
            )


def _which(name: str, nodes: Mapping[str, StepOutline], own: str = "") -> str:
    others = [other for other in nodes if other != own]
    return nearest_or_all(name, others, there_are="the steps are", none="add a step of that name")


def _leads_forward(nodes: Mapping[str, StepOutline]) -> bool:
    """Whether every edge leads to a step that is written below, as in most pipelines: then there is no cycle."""
    places = {name: place for place, name in enumerate(nodes)}
    for place, node in enumerate(nodes.values()):
        for _, target in node.edges:
            if places.get(target, place) <= place:
                return False
    return True


def _cycle_problems(start_at: str, nodes: Mapping[str, StepOutline]) -> Iterator[StructureProblem]:
    """Depth-first from every step; the first cycle found is printed as a chain. Edges to no step are no part of one."""
    if _leads_forward(nodes):
        return
    finished: set[str] = set()
    for root in (start_at, *nodes):
        trail: dict[str, Iterator[tuple[str, str]]] = {}
        current: str | None = root if root in nodes and root not in finished else None
        while current is not None or trail:
            if current is not None:
                trail[current] = iter(nodes[current].edges)
            name = next(reversed(trail))
            step = next(trail[name], None)
            current = None
            if step is None:
                finished.add(name)
                del trail[name]
            elif step[1] in trail:
                names = list(trail)
                chain = " -> ".join([*names[names.index(step[1]) :], step[1]])
                yield StructureProblem(
                    name, step[0], f"the steps form a cycle: {chain}", f"let {step[0]} of '{name}' lead to another step"
                )
                return
            elif step[1] in nodes and step[1] not in finished:
                current = step[1]
