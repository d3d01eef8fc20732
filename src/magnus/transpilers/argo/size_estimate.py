"""How large a run of a pipeline becomes in Argo: how deep its templates are nested, and how many nodes its status has."""

from collections.abc import Mapping

from magnus.graph.nodes import ChosenBranch, MappedBranches, RepeatedBranch
from magnus.transpilers import partition
from magnus.transpilers.argo.dags import ROUNDS_AT_ONCE
from magnus.transpilers.argo.pipeline_dags import MOST_TASKS
from magnus.transpilers.process_plan import Composite, PipelinePlan


def depth(plan: PipelinePlan) -> int:
    """Calls of templates inside one another, from the dag of the pipeline to its innermost pods."""
    return _dags(plan) + max((_depth(unit) for unit in plan.units.values() if isinstance(unit, Composite)), default=1)


def _dags(plan: PipelinePlan) -> int:
    """Dags of the pipeline itself inside one another."""
    start_at = plan.graph.start_at
    rests = partition.rests(start_at, plan.leads, plan.fail, MOST_TASKS)
    if not rests:
        return min(len(partition.parts(plan.leads, plan.fail, MOST_TASKS)), 2)
    deep: dict[str, int] = {}
    waiting = [start_at]
    while waiting:
        entry = waiting[-1]
        left = [step for step in rests[entry].goes_on_to if step not in deep]
        if left:
            waiting += left
        else:
            deep[entry] = 1 + max((deep[step] for step in rests[entry].goes_on_to), default=0)
            waiting.pop()
    return deep[start_at]


def _depth(unit: Composite) -> int:
    loop = unit.node.branches
    levels = -(-loop.max_iterations // ROUNDS_AT_ONCE) if isinstance(loop, RepeatedBranch) else 0
    return 1 + levels + max(map(depth, unit.plans))


def nodes(plan: PipelinePlan, lengths: Mapping[str, int]) -> int:
    """Nodes of a run with all steps and iterations; `lengths` are of initial lists, others count as one element."""
    return 1 + sum(_nodes(unit, lengths) if isinstance(unit, Composite) else 1 for unit in plan.units.values())


def _nodes(unit: Composite, lengths: Mapping[str, int]) -> int:
    inner = [nodes(plan, lengths) for plan in unit.plans]
    around = 2 + (unit.fan_out is not None)
    match unit.node.branches:
        case ChosenBranch(graphs=graphs):
            return around + len(graphs) + max(inner)
        case MappedBranches(iterate_on=name):
            return around + 1 + lengths.get(name, 1) * inner[0]
        case RepeatedBranch(max_iterations=rounds):
            return around + rounds * (inner[0] + 1)
        case _:
            return around + sum(inner)
