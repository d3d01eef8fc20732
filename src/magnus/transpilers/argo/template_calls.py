"""How a task of a dag calls a template, and the terms of which `depends` is made."""

from magnus.transpilers.argo.manifest import Parameter, Parameters
from magnus.transpilers.argo.pod_templates import BRANCHES, then_inputs
from magnus.transpilers.process_plan import Process
from magnus.transpilers.reentry import encode_name


def called_with(process: Process | None = None, /, **values: str) -> Parameters:
    """The arguments with which a template is called: these, and for a pod those that say how its process goes on."""
    then = zip(then_inputs(process), map(encode_name, process.then), strict=True) if process is not None else ()
    return Parameters(tuple(Parameter(name, value=value) for name, value in (*values.items(), *then)))


def output_of(task: str) -> str:
    """The variable that is the output of the task."""
    return f"{{{{tasks.{task}.outputs.parameters.{BRANCHES}}}}}"


def failure_of(task: str) -> str:
    """The task failed, or its pod could not run."""
    return f"({task}.Failed || {task}.Errored)"


def end_of(task: str) -> str:
    """The task ended, however that was, or there was nothing to run."""
    return f"({task}.Succeeded || {task}.Failed || {task}.Errored || {task}.Skipped)"
