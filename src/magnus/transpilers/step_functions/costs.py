"""Counts what a run takes if every step succeeds: jobs, state transitions, and events of the history of its execution.

Loops go to their end, and conditionals take the branch that counts most. Events are counted as AWS lists them for standard
executions: https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
"""

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from magnus.graph.nodes import (
    ChosenBranch,
    CompositeNode,
    Graph,
    MappedBranches,
    RepeatedBranch,
    StaticBranches,
    graphs_of,
)
from magnus.transpilers.process_plan import Composite, PipelinePlan, Process, Single


class Cost(Struct, frozen=True):
    """What states take.

    Attributes:
        jobs: the containers that start.
        transitions: the states that are entered, which AWS charges for; the states of distributed branches too.
        events: the events in the history of the execution itself.
        most_events: likewise, if each task uses all its attempts.
    """

    jobs: int = 0
    transitions: int = 0
    events: int = 0
    most_events: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.jobs + other.jobs,
            self.transitions + other.transitions,
            self.events + other.events,
            self.most_events + other.most_events,
        )

    def times(self, count: int) -> "Cost":
        """The cost of so many of them."""
        return Cost(self.jobs * count, self.transitions * count, self.events * count, self.most_events * count)

    def apart(self) -> "Cost":
        """The cost in another execution, as the execution that starts it sees it."""
        return Cost(self.jobs, self.transitions)


def _state(events: int) -> Cost:
    return Cost(transitions=1, events=events, most_events=events)


_PASS = _CHOICE = _state(2)
_REQUEST = _state(5)
_PARALLEL = _state(4)
_INLINE_MAP = _state(4)
_DISTRIBUTED_MAP = _state(6)
_ITERATION = Cost(events=2, most_events=2)
_EXECUTION = Cost(events=2, most_events=2)
_START = _PASS.times(3)
_END = _state(2)


def _job(process: Process) -> Cost:
    return Cost(1, 1, 6, 6 + 4 * (process.attempts - 1))


class Costs:
    """Counts by the lengths of initial lists, where a map of another list has one branch, and by where maps run."""

    def __init__(self, lengths: Mapping[str, int], is_distributed: Callable[[Composite], bool]) -> None:
        self._lengths = lengths
        self._is_distributed = is_distributed

    def of_execution(self, plan: PipelinePlan) -> Cost:
        """Of the execution of the pipeline itself."""
        return _EXECUTION + _START + self.of(plan) + _END

    def of_child(self, plan: PipelinePlan) -> Cost:
        """Of an execution of one branch of a distributed map."""
        return _EXECUTION + self.of(plan) + _PASS

    def of(self, plan: PipelinePlan) -> Cost:
        """Of the units of the plan that run."""
        name: str | None = plan.graph.start_at
        cost = Cost()
        while name is not None:
            unit = plan.units[name]
            cost += _job(unit.process) if isinstance(unit, Single) else self._composite(unit)
            name = unit.succeeded
        return cost

    def _composite(self, unit: Composite) -> Cost:
        before = _job(unit.fan_out) if unit.fan_out is not None else Cost()
        inner = [self.of(plan) + _PASS for plan in unit.plans]
        join = _job(unit.fan_in)
        match unit.node.branches:
            case StaticBranches():
                return before + _PARALLEL + sum((_PASS + branch for branch in inner), Cost()) + join
            case ChosenBranch():
                longest = max(inner, key=lambda cost: cost.events)
                return before + _REQUEST + _CHOICE + _PARALLEL + _PASS + longest + join
            case RepeatedBranch(max_iterations=iterations):
                again = _REQUEST + _CHOICE
                return before + (again + _PARALLEL + _PASS + inner[0] + join).times(iterations) + again
            case MappedBranches(iterate_on=name):
                count = self._lengths.get(name, 1)
                if self._is_distributed(unit):
                    child = self.of_child(unit.plans[0]).apart()
                    return before + _REQUEST + _CHOICE + _DISTRIBUTED_MAP + child.times(count) + join
                return before + _REQUEST + _INLINE_MAP + (_ITERATION + inner[0]).times(count) + join


def map_parameters(graph: Graph) -> Iterator[str]:
    """The names of the lists that maps go over, also in inner pipelines."""
    for node in graph.nodes.values():
        if isinstance(node, CompositeNode):
            if isinstance(node.branches, MappedBranches):
                yield node.branches.iterate_on
            for inner in graphs_of(node):
                yield from map_parameters(inner)
