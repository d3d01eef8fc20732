"""The one walk over the steps and branches of a run, from records alone, and the records that a run lacks. Pure.

Steps come in the order of execution, each before its branches, and a branch before the steps in it. A branch has a label
for people, and of a map the element it is for. Steps of a branch have positions from 0 on. The last step of a finished
branch is terminal. A record behind a step shows that the step finished. If the last record of a branch is missing, nothing
shows it before the run has finished.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from magnus.errors import CatalogError
from magnus.graph.path import BranchPath, StepPath, print_names
from magnus.run_log.records import ENDED, Branching, RunHealth, RunRecord, RunStatus, Status, StepRecord
from magnus.values import Json

_LONGEST_PLAIN: Final = 32
_PLAIN: Final = re.compile(r"[\w-]{1,32}")
"""What a branch of the run log may be called without a doubt about where its name ends."""


class Branch(Struct, frozen=True):
    """A branch of a step; `label` is its name for people, `value` the element of a map it is for, alone in a tuple."""

    path: BranchPath
    label: str
    value: tuple[Json, ...] = ()

    @property
    def key(self) -> str:
        """Its name in paths."""
        return self.path.parts[-1]


def branches_of(step: StepRecord) -> Sequence[Branch]:
    """The branches of a step in order; () when it has none. Elements that are not there any more are left out."""
    if step.branching is None:
        return ()
    branching = with_elements(step.branching)
    values = [()] * len(branching.keys) if branching.elements is None else [(value,) for value in branching.elements]
    named = zip(branching.keys, labels(branching), values, strict=True)
    return [Branch(step.path.into(key), label, value) for key, label, value in named]


def labels(branching: Branching) -> Sequence[str]:
    """The labels of the branches: the elements of a map when they are short, plain, different scalars, else keys."""
    texts = [_plain_text(value) for value in branching.elements or ()]
    return texts if texts and all(texts) and len(set(texts)) == len(texts) else branching.keys


def with_elements(branching: Branching) -> Branching:
    """The same with the elements of a map in it, as far as they are still there."""
    try:
        elements = branching.elements
    except CatalogError:
        elements = None
    return replace(branching, values=None if elements is None else tuple(elements))


def _plain_text(value: Json) -> str:
    """The text of a short, plain scalar; "" for everything else."""
    if type(value) is int:
        digits = str(value)
        return digits if len(digits) <= _LONGEST_PLAIN else ""
    if isinstance(value, float | list | dict) or value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if _PLAIN.fullmatch(text) else ""


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
