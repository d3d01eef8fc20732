"""The process plan of a pipeline: which processes run it, what each of them does, and which one follows on which outcome.

It stands between the graph and the syntax of an engine, and is pure. A transpiler renders it: limits, syntax and refusals
are its own, and `reentry` has the command of each process. The plan of a (sub)pipeline consists of units. A unit is one
process, or a composite: a fan-out, the plans of its branches, and a fan-in. It starts at one place, and succeeds or fails.

Where the rules say so, control work is done by the processes of steps, since starting a process may take longer than the
work. A process goes on after its first act as long as each one succeeds:

- the process that comes last records that the (sub)pipeline succeeded;
- the process of a step does the fan-out of the composite behind it;
- the process of a fan-in runs the task behind it.

Failures are never followed within a process, and an engine cannot tell which act of a process failed. So acts share a
process only if their failures lead to the same step, and if nothing else leads to any act but the first one; the end of a
(sub)pipeline alone may be recorded by several processes, one on each way to it. What names another override has
a process of its own.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import TypeAlias

from msgspec import Struct

from magnus.graph.failures import failure_of, may_start_run
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
from magnus.transpilers.partition import Leads, in_order


class Verb(Enum):
    """What an act does with its node."""

    STEP = "run the task"
    FAN_OUT = "start the branches"
    FAN_IN = "join the branches"
    COMPOSITE = "run the step with all its branches"
    END = "record the end"


class Act(Struct, frozen=True):
    """One thing that a process does."""

    verb: Verb
    node: Node


class Process(Struct, frozen=True):
    """One process of the engine, which runs one re-entry command.

    Attributes:
        acts: one after the other; each of them when the one before succeeded.
        override: the name of the options it runs with, "" for those of the configuration.
        attempts: how many attempts the task in it has; the engine may start a process for each.
        retry_delay: the time between attempts, in seconds.
        may_start_run: whether it may be the first process of the run, which creates it.
    """

    acts: tuple[Act, ...]
    override: str = ""
    attempts: int = 1
    retry_delay: float = 0.0
    may_start_run: bool = False

    @property
    def first(self) -> Act:
        """The act that its command names."""
        return self.acts[0]

    @property
    def then(self) -> tuple[str, ...]:
        """The names of the steps it goes on with."""
        return tuple(act.node.name for act in self.acts[1:])

    @property
    def task(self) -> TaskNode | None:
        """The task it runs; no process runs two."""
        return next((act.node for act in self.acts if act.verb is Verb.STEP and isinstance(act.node, TaskNode)), None)

    @property
    def starts(self) -> CompositeNode | None:
        """The composite whose branches it starts at last; its output says which ones."""
        last = self.acts[-1]
        return last.node if last.verb is Verb.FAN_OUT and isinstance(last.node, CompositeNode) else None


class Single(Struct, frozen=True):
    """A unit of one process. `succeeded` and `failed` are the units that follow; None where the (sub)pipeline has ended."""

    process: Process
    succeeded: str | None = None
    failed: str | None = None


class Composite(Struct, frozen=True):
    """A unit of a step with branches.

    Attributes:
        node: the step.
        override: the override that holds for it and for all inside that name none.
        fan_out: the process that starts the branches; None when the unit before does, whose output says which ones.
        plans: the plans of its branches, as `graphs_of` orders them.
        fan_in: the process that joins them, however they ended; of a loop each of its iterations.
        succeeded: the unit that follows when the fan-in succeeded; None where the (sub)pipeline has ended.
        failed: the unit that follows when one of the two failed.
    """

    node: CompositeNode
    override: str
    fan_out: Process | None
    plans: tuple["PipelinePlan", ...]
    fan_in: Process
    succeeded: str | None
    failed: str | None


Unit: TypeAlias = Single | Composite


class PipelinePlan(Struct, frozen=True):
    """The units of one (sub)pipeline by the step that each starts with, in the order of running; the ends come last."""

    graph: Graph
    units: Mapping[str, Unit]

    @property
    def leads(self) -> Leads:
        """For every unit that is no end: the units that follow, and whether by success."""
        return {
            name: ((unit.succeeded, True), (unit.failed, False))
            for name, unit in self.units.items()
            if end_of(unit) is None
        }

    @property
    def fail(self) -> str:
        """The end that failures lead to."""
        return self.graph.terminal(succeeds=False).name

    def starter(self, composite: Composite) -> str:
        """The unit whose output says which branches of the composite run, where that is another one."""
        name = composite.node.name
        return next(one for one, unit in self.units.items() if unit.succeeded == name and last_process(unit).starts)

    @property
    def ends(self) -> Mapping[str, TerminalNode]:
        """The ends that have a process of their own."""
        return {name: end for name, unit in self.units.items() if (end := end_of(unit)) is not None}


def last_process(unit: Unit) -> Process:
    """The process whose success is that of the unit."""
    return unit.process if isinstance(unit, Single) else unit.fan_in


def end_of(unit: Unit) -> TerminalNode | None:
    """The end that the unit does nothing but record."""
    match unit:
        case Single(process=Process(acts=(Act(verb=Verb.END, node=TerminalNode() as end),))):
            return end
        case _:
            return None


def _own_override(_node: Node, around: str) -> str:
    return around


def _own_attempts(task: TaskNode, _override: str) -> int:
    return task.max_attempts


def _never(_override: str) -> bool:
    return False


class PlanRules(Struct, frozen=True):
    """What an engine says of its processes.

    Attributes:
        override: the override that a node names, else that of the nearest step around it, which is given.
        attempts: how many attempts a task has that runs with an override.
        together: whether an override says that a composite is run by one process.
        fuse: whether control work is done by the processes of steps.
        most_steps: the most steps of a (sub)pipeline that the engine does not divide. In a longer one no unit needs an
            output of another one.
    """

    override: Callable[[Node, str], str] = _own_override
    attempts: Callable[[TaskNode, str], int] = _own_attempts
    together: Callable[[str], bool] = _never
    fuse: bool = True
    most_steps: int | None = None


def plan_of(graph: Graph, rules: PlanRules) -> PipelinePlan:
    """The plan of the pipeline, with those of all (sub)pipelines in it."""
    return _Planner(graph, rules, "", may_start_run(graph)).plan()


class _Planner:
    """Plans one (sub)pipeline; `around` is the override of the nearest step around it."""

    def __init__(self, graph: Graph, rules: PlanRules, around: str, first: set[str]) -> None:
        self._graph = graph
        self._rules = rules
        self._around = around
        self._first = first
        self._leads = leads_of(graph)
        self._arrivals = Counter(target for targets in self._leads.values() for target, _ in targets)
        self._passes_branches = rules.most_steps is None or len(self._leads) <= rules.most_steps
        self._absorbed: set[str] = set()
        self._started: set[str] = set()

    def plan(self) -> PipelinePlan:
        """Its units, each behind those that lead to it."""
        units: dict[str, Unit] = {}
        for name in self._leads:
            if name not in self._absorbed:
                units[name] = self._unit(self._graph.nodes[name])
        reached = {self._graph.start_at}
        for unit in units.values():
            reached.update(target for target in (unit.succeeded, unit.failed) if target is not None)
        for node in self._graph.nodes.values():
            if isinstance(node, TerminalNode) and node.name in reached:
                units[node.name] = Single(self._process((Act(Verb.END, node),), self._around))
        return PipelinePlan(self._graph, units)

    def _unit(self, node: Node) -> Unit:
        override = self._override(node)
        match node:
            case CompositeNode() if not self._runs_together(node):
                return self._composite(node, override)
            case CompositeNode():
                return self._single(Act(Verb.COMPOSITE, node), override)
            case _:
                return self._single(Act(Verb.STEP, node), override)

    def _single(self, act: Act, override: str) -> Single:
        acts, following = self._and_on((act,), override)
        return Single(self._process(acts, override), following, failure_of(self._graph, act.node))

    def _composite(self, node: CompositeNode, override: str) -> Composite:
        fan_out = None
        if node.name not in self._started:
            fan_out = self._process((Act(Verb.FAN_OUT, node),), override)
        plans = tuple(_Planner(graph, self._rules, override, set()).plan() for graph in graphs_of(node))
        acts: tuple[Act, ...] = (Act(Verb.FAN_IN, node),)
        following: str | None = node.next
        if not isinstance(node.branches, RepeatedBranch):  # which of its fan-ins is the last one is known when it runs
            acts, following = self._and_on(acts, override)
        fan_in = self._process(acts, override)
        return Composite(node, override, fan_out, plans, fan_in, following, failure_of(self._graph, node))

    def _and_on(self, acts: tuple[Act, ...], override: str) -> tuple[tuple[Act, ...], str | None]:
        """The acts, and those that the same process goes on with; the unit that follows."""
        node = acts[-1].node
        assert not isinstance(node, TerminalNode)
        following = self._graph.nodes[node.next]
        if not self._rules.fuse:
            return acts, following.name
        if isinstance(following, TerminalNode):
            return ((*acts, Act(Verb.END, following)), None) if following.succeeds else (acts, following.name)
        if not self._may_share(node, following, override):
            return acts, following.name
        match following:
            case CompositeNode() if self._passes_branches and not self._runs_together(following):
                self._started.add(following.name)
                return (*acts, Act(Verb.FAN_OUT, following)), following.name
            case TaskNode() if acts[-1].verb is Verb.FAN_IN:
                self._absorbed.add(following.name)
                return self._and_on((*acts, Act(Verb.STEP, following)), override)
            case _:
                return acts, following.name

    def _may_share(self, node: Node, following: Node, override: str) -> bool:
        """Whether the process of a node may go on with the next one."""
        leads_alike = failure_of(self._graph, node) == failure_of(self._graph, following)
        is_like = self._override(following) == override or not (
            isinstance(following, TaskNode) or self._names(following)
        )
        return leads_alike and is_like and self._arrivals[following.name] == 1

    def _names(self, node: Node) -> bool:
        """Whether the node names an override itself."""
        return bool(self._rules.override(node, ""))

    def _override(self, node: Node) -> str:
        return self._rules.override(node, self._around)

    def _runs_together(self, node: CompositeNode) -> bool:
        return self._rules.together(self._rules.override(node, ""))

    def _process(self, acts: tuple[Act, ...], override: str) -> Process:
        process = Process(
            acts, override, may_start_run=acts[0].verb is not Verb.FAN_IN and self._is_first(acts[0].node)
        )
        if process.task is None:
            return process
        attempts = self._rules.attempts(process.task, override)
        return Process(acts, override, attempts, process.task.retry_delay, process.may_start_run)

    def _is_first(self, node: Node) -> bool:
        return node.name in self._first


def process_count(plan: PipelinePlan, lengths: Mapping[str, int]) -> int:
    """The processes of a run in which all succeeds, loops go to their end, and conditionals take the longest branch.

    `lengths` are of the lists of maps; others count as one element.
    """
    name: str | None = plan.graph.start_at
    count = 0
    while name is not None:
        unit = plan.units[name]
        count += 1 if isinstance(unit, Single) else _count_composite(unit, lengths)
        name = unit.succeeded
    return count


def _count_composite(unit: Composite, lengths: Mapping[str, int]) -> int:
    inner = [process_count(plan, lengths) for plan in unit.plans]
    starts = int(unit.fan_out is not None)
    match unit.node.branches:
        case StaticBranches():
            return starts + sum(inner) + 1
        case ChosenBranch():
            return starts + max(inner) + 1
        case MappedBranches(iterate_on=name):
            return starts + lengths.get(name, 1) * inner[0] + 1
        case RepeatedBranch(max_iterations=iterations):
            return starts + iterations * (inner[0] + 1)


def leads_of(graph: Graph) -> Leads:
    """For every step that can be reached and is no end: where it goes, and whether by success; in the order of running."""

    def targets(name: str) -> Sequence[str]:
        node = graph.nodes[name]
        return () if isinstance(node, TerminalNode) else (failure_of(graph, node), node.next)

    found: dict[str, Sequence[tuple[str | None, bool]]] = {}
    for name in in_order(graph.start_at, targets):
        node = graph.nodes[name]
        if not isinstance(node, TerminalNode):
            found[name] = ((node.next, True), (failure_of(graph, node), False))
    return found
