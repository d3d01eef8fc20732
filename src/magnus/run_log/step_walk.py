"""The one walk over the steps of a run, from records alone. Pure; used by every reader of runs.

Steps come in the order of execution, each before its branches, and a branch before the steps in it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from msgspec import Struct

from magnus.graph.path import BranchPath, StepPath
from magnus.run_log.branches import Branch, branches_of
from magnus.run_log.records import ENDED, RunHealth, RunStatus, Status, StepRecord

StepsOf: TypeAlias = Callable[[BranchPath], Iterable[StepRecord]]
"""The records of the steps directly in a branch, by position."""


class SeenStep(Struct, frozen=True):
    """A step; `names` are the names of the steps and branches around it, and its own."""

    record: StepRecord
    names: tuple[str, ...]


class SeenBranch(Struct, frozen=True):
    """A branch of the step at `of`, with its names likewise; its steps come next."""

    branch: Branch
    of: StepPath
    names: tuple[str, ...]


Seen: TypeAlias = SeenStep | SeenBranch


def walk(steps_of: StepsOf, branch: BranchPath = BranchPath(), names: tuple[str, ...] = ()) -> Iterator[Seen]:  # noqa: B008 - frozen
    """The steps and branches in the branch with these names."""
    for step in without_past_ends(steps_of(branch)):
        yield from walk_step(steps_of, step, names)


def walk_step(steps_of: StepsOf, step: StepRecord, around: tuple[str, ...] = ()) -> Iterator[Seen]:
    """The step, its branches and their steps; `around` are the names of the steps and branches around it."""
    names = (*around, step.path.name)
    yield SeenStep(step, names)
    for branch in branches_of(step):
        branch_names = (*names, branch.label)
        yield SeenBranch(branch, step.path, branch_names)
        yield from walk(steps_of, branch.path, branch_names)


def without_past_ends(steps: Iterable[StepRecord]) -> Iterator[StepRecord]:
    """The steps of a branch, by position, without ends that it left again because an engine tried a failed run again."""
    end: StepRecord | None = None
    for step in steps:
        end = step if step.is_terminal else None
        if end is None:
            yield step
    if end is not None:
        yield end


def status_of(step: StepRecord, *, over: bool) -> RunStatus:
    """The status of a step. If its run is `over` and it has not finished, it is lost."""
    return RunHealth.LOST if over and step.status not in ENDED else step.status


def status_of_branch(steps: Sequence[StepRecord], *, over: bool) -> RunStatus:
    """The status of a branch, by its last step: the branch has finished if that is terminal."""
    if not steps:
        return Status.CREATED
    if steps[-1].is_terminal:
        return status_of(steps[-1], over=over)
    return RunHealth.LOST if over else Status.PROCESSING
