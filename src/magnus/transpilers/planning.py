"""Makes the process plan of a pipeline, by rules of an engine. Pure.

Where the rules allow it, the processes of steps do the control work too, since starting a process may take longer than the
work. A process continues after its first act as long as each act succeeds:

- the last process records that the (sub)pipeline succeeded;
- the process of a step does the fan-out of the composite behind it;
- the process of a fan-in runs the task behind it.

A process never follows a failure, and an engine cannot tell which act of a process failed. So acts share a process only
if their failures lead to the same step, and if nothing else leads to any act but the first one. The end of a (sub)pipeline
is the exception: several processes may record it, one on each way to it. A step that names another override has a process
of its own.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from msgspec import Struct

from magnus.graph.nodes import CompositeNode, Graph, Node, RepeatedBranch, TaskNode, TerminalNode, graphs_of
from magnus.graph.reachability import failure_of, may_start_run
from magnus.transpilers.partition import Leads, in_order
from magnus.transpilers.process_plan import Act, Composite, PipelinePlan, Process, Single, Unit, Verb

__all__ = ["PlanRules", "plan_of"]


def _own_override(_node: Node, around: str) -> str:
    return around


def _own_attempts(task: TaskNode, _override: str) -> int:
    return task.max_attempts


def _never(_node: CompositeNode) -> bool:
    return False


class PlanRules(Struct, frozen=True):
    """The rules of an engine for its processes.

    Attributes:
        override: the override that a node names, else that of the nearest step around it, which is given.
        attempts: how many attempts a task has that runs with an override.
        together: whether one process runs a composite with all its branches, as `Together.runs` says.
        fuse: whether control work is done by the processes of steps.
        most_steps: the most steps of a (sub)pipeline that the engine does not divide. In a longer one no unit needs an
            output of another one.
    """

    override: Callable[[Node, str], str] = _own_override
    attempts: Callable[[TaskNode, str], int] = _own_attempts
    together: Callable[[CompositeNode], bool] = _never
    fuse: bool = True
    most_steps: int | None = None


def plan_of(graph: Graph, rules: PlanRules) -> PipelinePlan:
    """The plan of the pipeline, with the plans of all (sub)pipelines in it."""
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
        """Its units, each behind the units that lead to it."""
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
            case CompositeNode() if not self._rules.together(node):
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
        """All acts of the process that starts with `acts`, and the unit that follows."""
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
            case CompositeNode() if self._passes_branches and not self._rules.together(following):
                self._started.add(following.name)
                return (*acts, Act(Verb.FAN_OUT, following)), following.name
            case TaskNode() if acts[-1].verb is Verb.FAN_IN:
                self._absorbed.add(following.name)
                return self._and_on((*acts, Act(Verb.STEP, following)), override)
            case _:
                return acts, following.name

    def _may_share(self, node: Node, following: Node, override: str) -> bool:
        """Whether the process of a node may also do the next one."""
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
