"""What a step sees: the fold of what ran before it in its branch. Pure."""

from collections.abc import Iterable
from typing import Final

from magnus.run_log.records import BranchScope, RunRecord, Status, StepRecord

CARRIED_EVERY: Final = 32
"""Every so many steps of a branch a record carries the folded scope."""


def initial(run: RunRecord) -> BranchScope:
    """What the first step of a run sees."""
    return BranchScope(run.parameters, {})


def after(scope: BranchScope, step: StepRecord) -> BranchScope:
    """What the step after `step` sees: its parameters when it succeeded, its files in any case."""
    put = {entry.name: entry for entry in step.catalog if entry.stage == "put"}
    succeeded = step.status is Status.SUCCESS
    sets = step.parameters if succeeded else {}
    if not put and not sets and (succeeded or not scope.is_final):
        return scope
    return BranchScope(
        {**scope.parameters, **sets} if sets else scope.parameters,
        {**scope.files, **put} if put else scope.files,
        scope.map_variables,
        succeeded and scope.is_final,
    )


def folded(start: BranchScope, steps: Iterable[StepRecord]) -> BranchScope:
    """What is seen after all of `steps`, which are one branch on its way.

    A success carries a scope only if all steps before it had succeeded, so it holds for ever. An
    unfinished composite has the scope of its branches, which does not count.
    """
    scope = start
    for step in steps:
        carries = step.scope is not None and step.status is Status.SUCCESS
        scope = step.scope if carries and step.scope is not None else after(scope, step)
    return scope


def folded_own(steps: Iterable[StepRecord]) -> BranchScope:
    """What all of `steps`, one branch in order of position, set and put themselves; not what was given up."""
    ordered = list(steps)
    given_up = ordered[-1].given_up if ordered else ()
    scope = BranchScope()
    for step in ordered:
        if step.path.name not in given_up:
            scope = after(scope, step)
    return scope


def carried(position: int, scope: BranchScope, step: StepRecord) -> BranchScope | None:
    """The scope that a record at `position` carries; None for most, and for all behind a failure.

    Only a final scope is carried, so that a reader need not look at the steps before.
    """
    if position % CARRIED_EVERY != CARRIED_EVERY - 1:
        return None
    seen = after(scope, step)
    return seen if seen.is_final else None
