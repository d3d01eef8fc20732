"""Follows parameters and files along all paths of a pipeline without running it. Pure; called by `app.checking`.

An abstract interpretation: at every step it is known which parameters are there for certain, which on some paths only,
and what they may be. The rules of scope and fan-in are those of `engine.scope` and `engine.fan`. Whatever cannot be
told is no reason to complain.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from graphlib import TopologicalSorter

from msgspec import Struct
from msgspec.structs import replace

from magnus.graph.dataflow.facts import Certainty, Description, Need
from magnus.graph.dataflow.findings import Finding, Findings
from magnus.graph.dataflow.shapes import Shape
from magnus.graph.dataflow.visible_data import Fact, Known, meeting
from magnus.graph.graph import Graph, graphs_of, named_graphs
from magnus.graph.nodes import (
    ChosenBranch,
    CompositeNode,
    MappedBranches,
    RepeatedBranch,
    StaticBranches,
    TaskNode,
    TerminalNode,
)
from magnus.graph.structure import edges


class TaskFacts(Struct, frozen=True):
    """What is known of a task, and the globs of its `catalog:`, relative to the working directory, by their number."""

    description: Description
    gets: tuple[str, ...] = ()
    puts: tuple[str, ...] = ()


class Place(Struct, frozen=True):
    """Where the walk is.

    `around` are the names of the steps around and of the one in hand; `is_caught` says that a failure there leads to
    success all the same, `is_reached` that it can be reached with the parameters that are known.
    """

    around: tuple[str, ...] = ()
    is_caught: bool = False
    is_reached: bool = True


class Flow:
    """The walk through one pipeline.

    `facts` says what is known of a task, `overlap` whether two globs may mean one file, `reduced` what a reducer gives,
    `own_folders` whether each step has a working directory of its own.
    """

    def __init__(
        self,
        facts: Callable[[TaskNode], TaskFacts],
        overlap: Callable[[str, str], bool],
        reduced: Callable[[str], Shape],
        *,
        keeps_files: bool,
        own_folders: bool,
    ) -> None:
        self.facts = facts
        self.overlap = overlap
        self.reduced = reduced
        self.keeps_files = keeps_files
        self.own_folders = own_folders
        self.findings = Findings()

    def graph(self, graph: Graph, seen: Known, place: Place) -> Known | None:
        """What a (sub)pipeline sets itself when it succeeds; None when no path leads to its success."""
        ways: dict[str, list[tuple[Known, str]]] = {graph.start_at: [(Known(), "")]}
        for name in _in_order(graph):
            node, arriving = graph.nodes[name], ways.get(name)
            if arriving is None or isinstance(node, TerminalNode):
                continue
            own = meeting(arriving)
            here = replace(place, around=(*place.around, name), is_caught=_is_caught(graph, node, place))
            succeeded, failed = self._step(node, seen.followed_by(own), own, here)
            if succeeded is not None:
                ways.setdefault(node.next, []).append((succeeded, succeeded.via or f"when '{name}' succeeds"))
            if failed is not None and node.on_failure is not None:
                ways.setdefault(node.on_failure, []).append((failed, failed.via))
        end = ways.get(graph.terminal(succeeds=True).name)
        return None if end is None else meeting(end)

    def _step(
        self, node: TaskNode | CompositeNode, seen: Known, own: Known, place: Place
    ) -> tuple[Known | None, Known | None]:
        """What the branch has set itself after the step succeeded, and after it failed; None where it never does."""
        name = place.around[-1]
        if isinstance(node, TaskNode):
            succeeded, failed = self._task(node, seen, own, place)
            never_fails = self.facts(node).description.never_fails
            return succeeded, None if never_fails else _turned(failed, f"when '{name}' fails")
        outcome = self._composite(node, seen, place)
        failed = _turned(own, f"when '{name}' fails")
        if outcome is None:
            return None, failed
        files = {**own.files, **outcome.files}
        merged = own.followed_by(Known(outcome.parameters, {}, outcome.is_open, outcome.files_open, own.via))
        return Known(merged.parameters, files, merged.is_open, merged.files_open, own.via), failed

    def _task(self, node: TaskNode, seen: Known, own: Known, place: Place) -> tuple[Known, Known]:
        facts = self.facts(node)
        description = facts.description
        for need in description.needs:
            self.need(node, "command", need, seen, place)
        if self.keeps_files:
            self._files(node, facts.gets, seen, place)
            if self.own_folders:
                self._uses(node, facts, seen, place)
        put = own.putting((*facts.puts, *description.puts), others=description.puts_others)
        return put.setting(description.sets, others=description.sets_others), put

    def need(self, node: TaskNode | CompositeNode, field: str, need: Need, seen: Known, place: Place) -> Fact | None:
        """Complain when a parameter is not there or not what is wanted; what is known of it."""
        fact = seen.find(need.name)
        self.findings.judge(node, field, need, fact, seen.parameters, place)
        return fact

    def _files(self, node: TaskNode, gets: Sequence[str], seen: Known, place: Place) -> None:
        for number, pattern in enumerate(gets):
            matching = [fact for name, fact in seen.files.items() if self.overlap(pattern, name)]
            if seen.files_open or any(fact.certainty is not Certainty.POSSIBLE for fact in matching):
                continue
            self.findings.judge_file(node, number, pattern, matching, seen.files, place)

    def _uses(self, node: TaskNode, facts: TaskFacts, seen: Known, place: Place) -> None:
        """Warn of files that the code of the task names, a step before puts, and the task does not get."""
        own = (*facts.gets, *facts.puts)
        for name in facts.description.files:
            is_put = any(self.overlap(name, pattern) for pattern in seen.files)
            if is_put and not any(self.overlap(name, pattern) for pattern in own):
                self.findings.judge_use(node, name, place)

    def _composite(self, node: CompositeNode, seen: Known, place: Place) -> Known | None:
        from magnus.graph.dataflow import branches  # it is the other half of this module

        match node.branches:
            case StaticBranches():
                return branches.after_all(self, node, seen, place)
            case ChosenBranch() as chosen:
                return branches.after_one(self, node, chosen, seen, place)
            case MappedBranches() as mapped:
                return branches.after_map(self, node, mapped, seen, place)
            case RepeatedBranch() as loop:
                return branches.after_loop(self, node, loop, seen, place)

    def silently(self, graph: Graph, seen: Known, place: Place) -> Known | None:
        """The same as `graph`, without a complaint."""
        kept, self.findings = self.findings, Findings()
        try:
            return self.graph(graph, seen, place)
        finally:
            self.findings = kept

    def apart(self, graph: Graph, seen: Known, place: Place) -> tuple[Known | None, Findings]:
        """The same as `graph`, with what is found there kept apart."""
        kept, self.findings = self.findings, Findings()
        try:
            return self.graph(graph, seen, place), self.findings
        finally:
            self.findings = kept


def follow(
    graph: Graph,
    start: Known,
    facts: Callable[[TaskNode], TaskFacts],
    overlap: Callable[[str, str], bool],
    reduced: Callable[[str], Shape],
    *,
    keeps_files: bool,
    own_folders: bool = False,
) -> tuple[Finding, ...]:
    """What is wrong with the data flow of a pipeline that begins with `start`."""
    flow = Flow(facts, overlap, reduced, keeps_files=keeps_files, own_folders=own_folders)
    flow.graph(graph, start, Place())
    setters = _setters(graph, facts, ())
    return tuple(found.with_setters(setters) for found in flow.findings)


def _setters(graph: Graph, facts: Callable[[TaskNode], TaskFacts], around: tuple[str, ...]) -> Mapping[str, str]:
    """The steps that set names, the first of each."""
    found: dict[str, str] = {}
    for name, node in graph.nodes.items():
        match node:
            case TaskNode():
                for setting in facts(node).description.sets:
                    found.setdefault(setting.name, "/".join((*around, name)))
            case CompositeNode():
                for key, inner in named_graphs(node):
                    found = {**_setters(inner, facts, (*around, name, *key)), **found}
            case TerminalNode():
                pass
    return found


def _turned(known: Known, via: str) -> Known:
    return Known(known.parameters, known.files, known.is_open, known.files_open, via)


def _in_order(graph: Graph) -> Iterable[str]:
    """The steps, each after all that lead to it."""
    order: TopologicalSorter[str] = TopologicalSorter()
    for name, node in graph.nodes.items():
        order.add(name)
        for _, target in edges(node):
            order.add(target, name)
    return order.static_order()


def _is_caught(graph: Graph, node: TaskNode | CompositeNode, place: Place) -> bool:
    """Whether the run may succeed though this step fails."""
    return place.is_caught if node.on_failure is None else reaches_success(graph, node.on_failure) or place.is_caught


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
        waiting += [target for field, target in edges(node) if field != "next" or not ends]
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
    """The steps that may fail and the run succeeds all the same, by their own `on_failure` or one around them."""
    for node in graph.nodes.values():
        if isinstance(node, TerminalNode):
            continue
        caught = _is_caught(graph, node, Place(is_caught=is_caught))
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
            waiting += (target for _, target in edges(graph.nodes[name]))
    return reached


def unavoidable(graph: Graph) -> Iterator[TaskNode | CompositeNode]:
    """The steps that have to succeed for the (sub)pipeline to succeed, also those in branches that always run."""
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
