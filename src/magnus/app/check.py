"""What is checked of the tasks of a pipeline before anything runs: kinds, their options, and what they will call."""

from collections.abc import Iterator
from pathlib import Path

from magnus.app import wiring
from magnus.definition import fields
from magnus.definition.compiling import TaskPlace
from magnus.definition.loader import LoadedPipeline
from magnus.definition.nodes.task import TASK_FIELDS
from magnus.errors import InvalidConfiguration, InvalidDefinition, Problem


def check_tasks(pipeline: LoadedPipeline, working_directory: Path) -> None:
    """Raise InvalidDefinition with everything that is wrong with the tasks; imports and runs nothing of the user's."""
    problems = [problem for task in pipeline.tasks for problem in _problems(task, working_directory)]
    if problems:
        raise InvalidDefinition.of(problems)


def _problems(task: TaskPlace, working_directory: Path) -> Iterator[Problem]:
    node = task.node
    try:
        kind = wiring.task_kind(node.task.kind)
    except InvalidConfiguration as error:
        [problem] = error.problems
        message = f"unknown command_type '{node.task.kind}'"
        yield Problem(message, problem.fix, task.locate("command_type"), task.step)
        return
    try:
        fields.read(kind.options, node.task.options, more_fields=TASK_FIELDS)
    except fields.WrongFields as error:
        yield from error.problems(task.locate, step=task.step)
    for problem in kind.problems(node.task, working_directory):
        yield Problem(problem.message, problem.fix, task.locate("command"), task.step, problem.severity)
