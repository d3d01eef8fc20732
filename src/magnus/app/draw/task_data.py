"""Computes which data leave each step of a pipeline that has not run, from declarations and from the code of tasks."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from magnus.app.composition import services
from magnus.app.draw import labels
from magnus.app.draw.data_names import OTHERS, DataNames, joined
from magnus.errors import InvalidConfiguration
from magnus.graph.dataflow.facts import UNKNOWN, Description
from magnus.graph.nodes import CompositeNode, Graph, RepeatedBranch, TaskNode
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.task_kind import StaticAnalysis


def task_data(graph: Graph, working_directory: Path) -> Mapping[StepPath, DataNames]:
    """The data that leave each step of a picture of the graph. No code of the user is imported or run."""
    return dict(_steps(graph, BranchPath(), working_directory))


def _steps(graph: Graph, branch: BranchPath, working_directory: Path) -> Iterator[tuple[StepPath, DataNames]]:
    """Every step with its data; a composite passes on the data of the steps in it."""
    for name, node in graph.nodes.items():
        path = branch.step(name)
        if isinstance(node, TaskNode):
            yield path, _of_task(node, working_directory)
        elif isinstance(node, CompositeNode):
            inside = {
                inner_path: names
                for inner in labels.branches(node, path)
                for inner_path, names in _steps(inner.graph, inner.path, working_directory)
            }
            yield from inside.items()
            index = node.branches.index_as if isinstance(node.branches, RepeatedBranch) else None
            yield path, joined([*inside.values(), DataNames((index,) if index else ())])


def _of_task(node: TaskNode, working_directory: Path) -> DataNames:
    description = _described(node, working_directory)
    objects = [item.name for item in node.task.returns or () if item.kind == "object"]
    declared = [item.name for item in node.task.returns or ()]
    parameters = [*declared, *(setting.name for setting in description.sets)]
    return joined(
        [
            DataNames(
                (*(name for name in parameters if name not in objects), *((OTHERS,) * description.sets_others)),
                tuple(objects),
                (*node.catalog.put, *description.puts),
            )
        ]
    )


def _described(node: TaskNode, working_directory: Path) -> Description:
    """The facts about the task; unknown ones if the package of its kind is missing, or it has mistakes."""
    if not node.task.kind:
        return UNKNOWN
    try:
        kind = services.task_kind(node.task.kind)
        has_mistakes = any(problem.severity == "error" for problem in kind.problems(node.task, working_directory))
    except InvalidConfiguration:
        return UNKNOWN
    if has_mistakes or not isinstance(kind, StaticAnalysis):
        return UNKNOWN
    return kind.describe(node.task, working_directory, imports=False)
