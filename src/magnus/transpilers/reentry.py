"""The re-entry commands of the processes of a plan, with the values that an engine fills in by its own syntax."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TypeAlias

from magnus.graph.path import StepPath
from magnus.interfaces.transpiler import TranspileRequest
from magnus.transpilers.process_plan import Process, Verb

__all__ = ["Input", "Word", "encode_name", "end_command", "fill_in", "iteration_command", "process_command"]


class Input(Enum):
    """A value that is known when the process starts.

    `STEP` is the path of the step that the process is for, `ITERATION` the number of the iteration of a loop, `LAST_EXIT` the
    exit status of the process before, `BRANCHES_FILE` a file of the process that becomes its output, and `WORKFLOW` the
    unique id by which the engine owns the run. `STATUS` and `FAILURES` are the end of the workflow as the engine reports it.
    """

    RUN_ID = "run id"
    STEP = "path of the step"
    ITERATION = "number of the iteration"
    LAST_EXIT = "exit status of the process before"
    BRANCHES_FILE = "file for the branches"
    ORIGINAL_RUN_ID = "id of the original run"
    WORKFLOW = "id of the workflow"
    WORKFLOW_NAME = "name of the workflow"
    STATUS = "status of the workflow"
    FAILURES = "failures of the workflow"


Word: TypeAlias = str | Input
"""A word of a command: a text, or a value that the engine fills in."""


def process_command(
    process: Process, request: TranspileRequest, *, one_attempt: bool = False, then: Sequence[str] = ()
) -> list[Word]:
    """The command of the process; `one_attempt` where the engine starts a process for each attempt.

    `then` are the names of its next steps, if the engine fills them in; else the command has them.
    """
    words: list[Word] = [*_first(process)]
    for name in then or [encode_name(name) for name in process.then]:
        words += ["--then", name]
    if process.starts is not None and len(process.acts) > 1:
        is_fan_in = process.first.verb is Verb.FAN_IN
        words += ["--then-branches-file" if is_fan_in else "--branches-file", Input.BRANCHES_FILE]
    if one_attempt:
        more = process.task is not None and process.attempts > process.task.max_attempts
        words += ["--one-attempt", *(["--attempts", str(process.attempts)] if more else [])]
        words += ["--last-exit", Input.LAST_EXIT]
    return [*words, *_of_every_process(request, may_start_run=process.may_start_run)]


def _first(process: Process) -> list[Word]:
    match process.first.verb:
        case Verb.STEP | Verb.END:
            return ["execute_single_node", Input.RUN_ID, Input.STEP]
        case Verb.COMPOSITE:
            return ["run_composite", Input.RUN_ID, Input.STEP]
        case Verb.FAN_OUT:
            return ["fan", Input.RUN_ID, Input.STEP, "-m", "out", "--branches-file", Input.BRANCHES_FILE]
        case Verb.FAN_IN:
            return ["fan", Input.RUN_ID, Input.STEP, "-m", "in"]


def iteration_command(request: TranspileRequest) -> list[Word]:
    """The command that joins one iteration of a loop; its output is the number of the next one, if there is one."""
    words: list[Word] = ["fan", Input.RUN_ID, Input.STEP, "-m", "in", "--round", Input.ITERATION]
    return [*words, "--branches-file", Input.BRANCHES_FILE, *_of_every_process(request, may_start_run=False)]


def end_command(request: TranspileRequest) -> list[Word]:
    """The command that ends the run in the run log when no other process could."""
    words: list[Word] = ["end_run", Input.RUN_ID, "--engine-status", Input.STATUS, "--engine-failures", Input.FAILURES]
    return [*words, *_of_every_process(request, may_start_run=True)]


def _of_every_process(request: TranspileRequest, *, may_start_run: bool) -> list[Word]:
    words: list[Word] = [*request.reentry_options()]
    if may_start_run:
        words += ["--workflow-name", Input.WORKFLOW_NAME, "--use-cached", Input.ORIGINAL_RUN_ID]
    return [*words, "--workflow-uid", Input.WORKFLOW]


def fill_in(words: Sequence[Word], values: Mapping[Input, str]) -> list[str]:
    """The argv with the values; an option whose value the engine does not have is left out."""
    found: list[str] = []
    for word in words:
        if isinstance(word, str):
            found.append(word)
        elif word in values:
            found.append(values[word])
        elif found[-1].startswith("--"):
            found.pop()
        else:
            raise KeyError(word)
    return found


def encode_name(name: str) -> str:
    """The name as a part of a path. A hyphen that it begins with would make an option of the argument."""
    text = str(StepPath((name,)))
    return f"%2D{text[1:]}" if text.startswith("-") else text
