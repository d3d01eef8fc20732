"""What is checked of the tasks of a pipeline before anything runs: kinds, their options, and what they will call."""

from collections.abc import Iterator
from pathlib import Path

from magnus.app import wiring
from magnus.definition import fields
from magnus.definition.loader import LoadedPipeline
from magnus.definition.nodes.task import TASK_FIELDS
from magnus.errors import InvalidConfiguration, InvalidDefinition, Problem
from magnus.graph.nodes import TaskNode


def check_tasks(pipeline: LoadedPipeline, working_directory: Path) -> None:
    """Raise InvalidDefinition with everything that is wrong with the tasks; imports and runs nothing of the user's."""
    problems = [
        problem
        for node in pipeline.graph.nodes.values()
        if isinstance(node, TaskNode)
        for problem in _problems(node, pipeline, working_directory)
    ]
    if problems:
        raise InvalidDefinition.of(problems)


def _problems(node: TaskNode, pipeline: LoadedPipeline, working_directory: Path) -> Iterator[Problem]:
    try:
        kind = wiring.task_kind(node.task.kind)
    except InvalidConfiguration as error:
        [problem] = error.problems
        message = f"unknown command_type '{node.task.kind}'"
        yield Problem(message, problem.fix, pipeline.locate(node.name, "command_type"), node.name)
        return
    try:
        fields.read(kind.options, node.task.options, more_fields=TASK_FIELDS)
    except fields.WrongFields as error:
        yield from error.problems(lambda *keys: pipeline.locate(node.name, *keys), step=node.name)
    for problem in kind.problems(node.task, working_directory):
        yield Problem(problem.message, problem.fix, pipeline.locate(node.name, "command"), node.name, problem.severity)
