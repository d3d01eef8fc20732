"""The process plan of a pipeline: which processes run it, what each of them does, and which one follows on which outcome.

The plan stands between the graph and the syntax of an engine. `planning` makes it, `reentry` has the command of each
process, and a transpiler renders both. The plan of a (sub)pipeline consists of units. A unit is one process, or a
composite: a fan-out, the plans of its branches, and a fan-in. It starts at one place, and succeeds or fails.
"""

from collections.abc import Mapping
from enum import Enum
from typing import TypeAlias

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
from magnus.transpilers.partition import Leads

__all__ = ["Act", "Composite", "PipelinePlan", "Process", "Single", "Unit", "Verb", "process_count"]


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
        override: the name of the override it runs with, "" for the options of the configuration.
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
        """The names of the steps of its further acts."""
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
    """A unit of one process. `succeeded` and `failed` are the units that follow; None where the (sub)pipeline has finished."""

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
        fan_in: the process that joins them, also if some failed; of a loop each of its iterations.
        succeeded: the unit that follows when the fan-in succeeded; None where the (sub)pipeline has finished.
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
"""A part of a plan that succeeds or fails as a whole."""


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
