"""Says with which commands people continue after a run that failed, from records alone. Pure.

The lines at the end of a run, `magnus show` and the report have them from here.
"""

import shlex
from typing import Final

from magnus.graph.path import BranchPath, print_names
from magnus.run_log.records import ENDED, RunHealth, RunRecord, RunStatus, Status, StepRecord
from magnus.run_log.step_walk import (
    Branch,
    SeenStep,
    StepsOf,
    branches_of,
    status_of,
    status_of_branch,
    without_past_ends,
)

Command = tuple[str, str]
"""The purpose of a command, and the command as people type it in a shell."""

_INTERRUPTED: Final = "interrupted"
_BAD: Final = (Status.FAIL, RunHealth.LOST)


def next_commands(run: RunRecord, status: RunStatus, steps_of: StepsOf) -> list[Command]:
    """The commands to debug, resume and read a run with this status; none if it has not failed.

    After an interruption by the user only the command that resumes is left. A run whose functions its program alone has
    is resumed there.
    """
    if status not in _BAD:
        return []
    in_program = bool(run.run_config.get("local_functions"))
    resume = f"execute(use_cached={run.run_id!r}) in the program" if in_program else command(run, "retry", run.run_id)
    resumes = ("resume where it stopped", resume)
    step = None if run.message == _INTERRUPTED else failed_step(steps_of, over=True)
    if step is None or not _was_called(step.record):
        return [resumes]
    words = (run.run_id, _as_argument(print_names(step.names)))
    debugs = ("debug the step that failed", command(run, "debug", *words))
    can_debug = not in_program and _failed_by_itself(step.record)
    return [*([debugs] if can_debug else []), resumes, ("read its output", command(run, "logs", *words))]


def command(run: RunRecord, *words: str) -> str:
    """A command of magnus about the run, with its configuration file."""
    file = str(run.run_config.get("configuration_file") or "")
    return shlex.join(("magnus", *words, *(("-c", file) if file else ())))


def failed_step(steps_of: StepsOf, *, over: bool) -> SeenStep | None:
    """The innermost step that made a run fail, or in which the run was lost; None if there is no such step.

    Of a pipeline this is the last such step, as a step before it continued with `on_failure`; of branches the first one.
    """
    return _in_branch(steps_of, Branch(BranchPath(), ""), (), over=over)


def _in_branch(steps_of: StepsOf, branch: Branch, around: tuple[str, ...], *, over: bool) -> SeenStep | None:
    steps = [step for step in without_past_ends(steps_of(branch.path)) if not step.is_terminal]
    bad = [step for step in steps if status_of(step, over=over) in _BAD]
    if not bad:
        return None
    last = SeenStep(bad[-1], (*around, bad[-1].path.name))
    for inner in branches_of(last.record):
        if not _succeeded(steps_of, inner):
            cause = _in_branch(steps_of, inner, (*last.names, inner.label), over=over)
            if cause is not None:
                return cause
    return last


def _succeeded(steps_of: StepsOf, branch: Branch) -> bool:
    return status_of_branch(list(steps_of(branch.path)), over=True) is Status.SUCCESS


def _was_called(step: StepRecord) -> bool:
    """Whether it is a task that was called, or whose process was gone in the meantime."""
    return step.branching is None and (bool(step.attempts) or step.status not in ENDED)


def _failed_by_itself(step: StepRecord) -> bool:
    """Whether the task was called and failed, so that it would fail again: its machine or its job did not go away."""
    if step.status not in ENDED:
        return False
    last = step.attempts[-1]
    is_about_job = bool(last.job) and f"the job {last.job} " in last.message  # as `executors.jobs.outcome` says it
    return not last.lost and not is_about_job and last.message != _INTERRUPTED


def _as_argument(step: str) -> str:
    """The path as an argument: a dash in front would be an option."""
    return step.replace("-", "%2D", 1) if step.startswith("-") else step
