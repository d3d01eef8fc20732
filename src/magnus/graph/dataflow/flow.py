"""Follows parameters and files along all paths of a pipeline without running it. Pure; called by `app.parameters.data_flow`.

An abstract interpretation: at every step it computes which parameters exist for certain or on some paths only, and their
shapes. It follows the engine's rules of scope and fan-in. If something cannot be computed, there is no finding.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from graphlib import TopologicalSorter

from msgspec import Struct
from msgspec.structs import replace

from magnus.graph.dataflow import branches
from magnus.graph.dataflow.facts import Certainty, Description, Need
from magnus.graph.dataflow.findings import Finding, Findings
from magnus.graph.dataflow.shapes import Shape
from magnus.graph.dataflow.visible_data import BranchCursor, Fact, VisibleData, meeting
from magnus.graph.nodes import (
    ChosenBranch,
    CompositeNode,
    Graph,
    MappedBranches,
    RepeatedBranch,
    StaticBranches,
    TaskNode,
    TerminalNode,
    named_graphs,
)
from magnus.graph.reachability import is_step_caught


class TaskFacts(Struct, frozen=True):
    """The description of a task, and the globs of its `catalog:`, relative to the working directory, in their order."""

    description: Description
    gets: tuple[str, ...] = ()
    puts: tuple[str, ...] = ()


class Flow:
    """The walk through one pipeline.

    `facts` describes a task, `overlap` says whether two globs may match one file, `reduced` gives the shape of what a reducer
    returns, `own_folders` says whether each step has its own working directory.
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

    def graph(self, graph: Graph, seen: VisibleData, cursor: BranchCursor) -> VisibleData | None:
        """The data a (sub)pipeline sets when it succeeds; None when no path leads to its success."""
        ways: dict[str, list[tuple[VisibleData, str]]] = {graph.start_at: [(VisibleData(), "")]}
        for name in _in_order(graph):
            node, arriving = graph.nodes[name], ways.get(name)
            if arriving is None or isinstance(node, TerminalNode):
                continue
            own = meeting(arriving)
            here = replace(
                cursor, around=(*cursor.around, name), is_caught=is_step_caught(graph, node, is_caught=cursor.is_caught)
            )
            succeeded, failed = self._step(node, seen.followed_by(own), own, here)
            if succeeded is not None:
                ways.setdefault(node.next, []).append((succeeded, succeeded.via or f"when '{name}' succeeds"))
            if failed is not None and node.on_failure is not None:
                ways.setdefault(node.on_failure, []).append((failed, failed.via))
        end = ways.get(graph.terminal(succeeds=True).name)
        return None if end is None else meeting(end)

    def _step(
        self, node: TaskNode | CompositeNode, seen: VisibleData, own: VisibleData, cursor: BranchCursor
    ) -> tuple[VisibleData | None, VisibleData | None]:
        """The data the branch has set after the step succeeded, and after it failed; None where it never does."""
        name = cursor.around[-1]
        if isinstance(node, TaskNode):
            succeeded, failed = self._task(node, seen, own, cursor)
            never_fails = self.facts(node).description.never_fails
            return succeeded, None if never_fails else _by_way_of(failed, f"when '{name}' fails")
        outcome = self._composite(node, seen, cursor)
        failed = _by_way_of(own, f"when '{name}' fails")
        if outcome is None:
            return None, failed
        files = {**own.files, **outcome.files}
        merged = own.followed_by(VisibleData(outcome.parameters, {}, outcome.is_open, outcome.files_open, own.via))
        return VisibleData(merged.parameters, files, merged.is_open, merged.files_open, own.via), failed

    def _task(
        self, node: TaskNode, seen: VisibleData, own: VisibleData, cursor: BranchCursor
    ) -> tuple[VisibleData, VisibleData]:
        facts = self.facts(node)
        description = facts.description
        for need in description.needs:
            self.need(node, "command", need, seen, cursor)
        if self.keeps_files:
            self._files(node, facts.gets, seen, cursor)
            if self.own_folders:
                self._uses(node, facts, seen, cursor)
        put = own.putting((*facts.puts, *description.puts), others=description.puts_others)
        return put.setting(description.sets, others=description.sets_others), put

    def need(
        self, node: TaskNode | CompositeNode, field: str, need: Need, seen: VisibleData, cursor: BranchCursor
    ) -> Fact | None:
        """The data of the parameter; a finding where it is missing or has another shape."""
        fact = seen.find(need.name)
        self.findings.judge(node, field, need, fact, seen.parameters, cursor)
        return fact

    def _files(self, node: TaskNode, gets: Sequence[str], seen: VisibleData, cursor: BranchCursor) -> None:
        for number, pattern in enumerate(gets):
            matching = [fact for name, fact in seen.files.items() if self.overlap(pattern, name)]
            if seen.files_open or any(fact.certainty is not Certainty.POSSIBLE for fact in matching):
                continue
            self.findings.judge_file(node, number, pattern, matching, seen.files, cursor)

    def _uses(self, node: TaskNode, facts: TaskFacts, seen: VisibleData, cursor: BranchCursor) -> None:
        """Warn of files that the code names and an earlier step puts, but the task does not get."""
        own = (*facts.gets, *facts.puts)
        for name in facts.description.files:
            is_put = any(self.overlap(name, pattern) for pattern in seen.files)
            if is_put and not any(self.overlap(name, pattern) for pattern in own):
                self.findings.judge_use(node, name, cursor)

    def _composite(self, node: CompositeNode, seen: VisibleData, cursor: BranchCursor) -> VisibleData | None:
        match node.branches:
            case StaticBranches():
                return branches.after_all(self, node, seen, cursor)
            case ChosenBranch() as chosen:
                return branches.after_one(self, node, chosen, seen, cursor)
            case MappedBranches() as mapped:
                return branches.after_map(self, node, mapped, seen, cursor)
            case RepeatedBranch() as loop:
                return branches.after_loop(self, node, loop, seen, cursor)

    def silently(self, graph: Graph, seen: VisibleData, cursor: BranchCursor) -> VisibleData | None:
        """The same as `graph`, without findings."""
        outer, self.findings = self.findings, Findings()
        try:
            return self.graph(graph, seen, cursor)
        finally:
            self.findings = outer

    def apart(self, graph: Graph, seen: VisibleData, cursor: BranchCursor) -> tuple[VisibleData | None, Findings]:
        """The same as `graph`, with its findings apart from all others."""
        outer, self.findings = self.findings, Findings()
        try:
            return self.graph(graph, seen, cursor), self.findings
        finally:
            self.findings = outer


def follow(
    graph: Graph,
    start: VisibleData,
    facts: Callable[[TaskNode], TaskFacts],
    overlap: Callable[[str, str], bool],
    reduced: Callable[[str], Shape],
    *,
    keeps_files: bool,
    own_folders: bool = False,
) -> tuple[Finding, ...]:
    """The findings about the data flow of a pipeline that starts with the data `start`."""
    flow = Flow(facts, overlap, reduced, keeps_files=keeps_files, own_folders=own_folders)
    flow.graph(graph, start, BranchCursor())
    setters = _setters(graph, facts, ())
    return tuple(finding.with_setters(setters) for finding in flow.findings)


def _setters(graph: Graph, facts: Callable[[TaskNode], TaskFacts], around: tuple[str, ...]) -> Mapping[str, str]:
    """The steps that set names, the first of each."""
    setters: dict[str, str] = {}
    for name, node in graph.nodes.items():
        match node:
            case TaskNode():
                for setting in facts(node).description.sets:
                    setters.setdefault(setting.name, "/".join((*around, name)))
            case CompositeNode():
                for key, inner in named_graphs(node):
                    setters = {**_setters(inner, facts, (*around, name, *key)), **setters}
            case TerminalNode():
                pass
    return setters


def _by_way_of(data: VisibleData, via: str) -> VisibleData:
    return VisibleData(data.parameters, data.files, data.is_open, data.files_open, via)


def _in_order(graph: Graph) -> Iterable[str]:
    """The steps, each after all steps that lead to it."""
    order: TopologicalSorter[str] = TopologicalSorter()
    for name, node in graph.nodes.items():
        order.add(name)
        for _, target in node.edges:
            order.add(target, name)
    return order.static_order()
