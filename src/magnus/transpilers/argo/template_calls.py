"""How a task of a dag calls a template, and the terms of which `depends` is made."""

from magnus.graph.path import StepPath
from magnus.transpilers.argo.manifest import Parameter, Parameters
from magnus.transpilers.argo.pod_templates import BRANCHES


def called_with(**values: str) -> Parameters:
    """The arguments with which a template is called."""
    return Parameters(tuple(Parameter(name, value=value) for name, value in values.items()))


def output_of(task: str) -> str:
    """The variable that is what the pod of the task gave."""
    return f"{{{{tasks.{task}.outputs.parameters.{BRANCHES}}}}}"


def failure_of(task: str) -> str:
    """The task failed, or its pod could not run."""
    return f"({task}.Failed || {task}.Errored)"


def end_of(task: str) -> str:
    """The task ended, however that was, or there was nothing to run."""
    return f"({task}.Succeeded || {task}.Failed || {task}.Errored || {task}.Skipped)"


def encoded(name: str) -> str:
    """The name as a part of a path. A hyphen that it begins with would make an option of the argument."""
    text = str(StepPath((name,)))
    return f"%2D{text[1:]}" if text.startswith("-") else text
