"""Finds the records that a run lacks, from the records it has. Pure.

Steps of a branch have positions from 0 on. The last step of a finished branch is terminal. A record behind a step shows
that the step finished. If the last record of a branch is missing, nothing shows it before the run has finished.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from magnus.graph.path import BranchPath, print_names
from magnus.run_log.records import ENDED, RunRecord, Status, StepRecord
from magnus.run_log.step_walk import StepsOf, branches_of

_BY_ITSELF: Final = ("step '", "the pipeline reached its fail step")
"""Prefixes of the message of a run that failed as its pipeline says, and was not stopped."""


class Gap(Struct, frozen=True):
    """A missing record. `step` is its step as people write it, or else the step around it or the one that shows the gap."""

    step: str
    problem: str


def gaps(run: RunRecord, steps_of: StepsOf) -> Iterator[Gap]:
    """The missing records, in the order of execution, of a run that has finished or whose process is gone."""
    is_finished = run.status is Status.SUCCESS or (run.status is Status.FAIL and run.message.startswith(_BY_ITSELF))
    yield from _in_branch(steps_of, BranchPath(), (), has_ended=is_finished)


def _in_branch(steps_of: StepsOf, branch: BranchPath, names: tuple[str, ...], *, has_ended: bool) -> Iterator[Gap]:
    steps, expected = steps_of(branch), 0
    steps = list(steps)
    for step in steps:
        called = print_names((*names, step.path.name))
        if step.position > expected:
            yield Gap(called, _missing_before(step.position - expected))
        expected = step.position + 1
        if step.status not in ENDED and (has_ended or step is not steps[-1]):
            yield Gap(called, "the record of its end is missing")
        yield from _in_branches(steps_of, step, (*names, step.path.name), has_ended=has_ended)
    if has_ended and not _is_complete(steps):
        where = print_names(names) if names else ""
        yield Gap(
            where, "the records of its steps are missing" if not steps else "the record of its last step is missing"
        )


def _in_branches(steps_of: StepsOf, step: StepRecord, names: tuple[str, ...], *, has_ended: bool) -> Iterator[Gap]:
    joined = step.status is Status.SUCCESS or (has_ended and step.status in ENDED)
    for branch in branches_of(step):
        yield from _in_branch(steps_of, branch.path, (*names, branch.label), has_ended=joined)


def _is_complete(steps: Sequence[StepRecord]) -> bool:
    return bool(steps) and steps[-1].is_terminal


def _missing_before(count: int) -> str:
    return f"the record of {'the step' if count == 1 else f'{count} steps'} before it is missing"
