"""Decides whether the branches of a map run in the execution itself or in executions of their own.

An execution has a history of at most 25,000 events, which inline branches share, and runs about 40 of them at a time. A
distributed map starts an execution for each branch, with a history of its own.
https://docs.aws.amazon.com/step-functions/latest/dg/state-map.html
"""

from collections.abc import Mapping

from msgspec import Struct

from magnus.graph.nodes import MappedBranches
from magnus.transpilers.process_plan import Composite, PipelinePlan
from magnus.transpilers.step_functions.jobs import Jobs


class MapMode(Struct, frozen=True):
    """Whether branches run in executions of their own, and why."""

    is_distributed: bool
    reason: str


class MapModes:
    """The modes of the maps of a pipeline; `lengths` are of initial lists."""

    def __init__(self, jobs: Jobs, inline_branches: int, lengths: Mapping[str, int]) -> None:
        self._jobs = jobs
        self._inline_branches = inline_branches
        self._lengths = lengths

    def of(self, unit: Composite) -> MapMode:
        """The mode of the map."""
        assert isinstance(unit.node.branches, MappedBranches)
        chosen = self._jobs.settings(unit.override).map
        if chosen != "auto":
            return MapMode(is_distributed=chosen == "distributed", reason=f"{chosen}: the configuration says so")
        name = unit.node.branches.iterate_on
        count = self._lengths.get(name)
        if count is None:
            return MapMode(
                is_distributed=True, reason="distributed: the number of branches is not known before the run"
            )
        if count > self._inline_branches:
            return MapMode(
                is_distributed=True, reason=f"distributed: {count} branches are more than {self._inline_branches}"
            )
        return MapMode(is_distributed=False, reason=f"inline: {count} branches are at most {self._inline_branches}")

    def is_any_distributed(self, plan: PipelinePlan) -> bool:
        """Whether any map of the plan runs its branches in executions of their own."""
        for unit in plan.units.values():
            if isinstance(unit, Composite):
                if isinstance(unit.node.branches, MappedBranches) and self.of(unit).is_distributed:
                    return True
                if any(map(self.is_any_distributed, unit.plans)):
                    return True
        return False
