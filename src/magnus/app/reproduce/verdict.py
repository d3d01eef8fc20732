"""Decides from the difference of a run and its second run whether it was reproduced, and which steps differ. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from msgspec import UNSET, Struct
from msgspec.structs import replace

from magnus.app.compare.compare_steps import Pair
from magnus.app.compare.model import Change, Difference, StepDifference, leaf_changes
from magnus.app.compare.sentences import sentence
from magnus.run_log.records import Status, StepRecord

Judgement = Literal["", "inputs", "not deterministic", "same again", "not judged"]
"""Why a step differs.

`inputs`: its inputs differ, so the cause comes before it. `not deterministic`: a further run with the inputs of the second run
had another result. `same again`: the further run had the same result. `not judged`: it could not run a further time. ""
for a step around others, and where it did not run in both runs.
"""
_RECORDED: Final = frozenset(
    {"code", "parameter", "variable", "pipeline", "configuration", "packages", "environment", "commit"}
)
"""The kinds of causes that are no results of the run."""


class DifferingStep(Struct, frozen=True):
    """A step that differs: `path` in the second run, else in the first, and the differences of its leaves."""

    path: str
    name: str
    changes: tuple[Change, ...]
    judgement: Judgement = ""
    reason: str = ""

    @property
    def has_other_inputs(self) -> bool:
        """Whether it got other parameters or files than in the first run; a step that fails early may not come to them."""
        return any(change.kind in {"given", "got"} and change.after is not UNSET for change in self.changes)


class Reproduction(Struct, frozen=True):
    """The result of a reproduction.

    Attributes:
        original: the id of the run.
        run_id: the id of the run that repeated it.
        status: the status of that run.
        steps: the steps with other results, in the order of execution; steps around them are left out.
        run: the differences of status and message of the whole runs.
        data: sentences on files of the project that have other content.
        surroundings: sentences on all that was not the same, or is not recorded.
        not_compared: sentences on results that could not be compared.
        compared: the number of compared steps, without those around others.
        folder: where the restored project is, if it is still there.
    """

    original: str
    run_id: str
    status: str
    steps: tuple[DifferingStep, ...]
    run: tuple[Change, ...]
    data: tuple[str, ...] = ()
    surroundings: tuple[str, ...] = ()
    compared: int = 0
    folder: str = ""
    not_compared: tuple[str, ...] = ()

    @property
    def reproduced(self) -> bool:
        """Whether all parameters, metrics, files, objects and statuses were compared and agree."""
        return not (self.steps or self.run or self.data or self.not_compared)

    @property
    def not_deterministic(self) -> tuple[str, ...]:
        """The paths of the steps that gave another result from the same code and inputs."""
        return tuple(step.path for step in self.steps if step.judgement == "not deterministic")

    @property
    def verdict(self) -> str:
        """The verdict in one sentence."""
        if self.reproduced:
            return f"reproduced: {_steps(self.compared)} of '{self.original}' came out the same"
        if not (self.steps or self.run or self.data):
            return f"not reproduced: not all results of '{self.original}' could be compared; the others agree"
        if not self.steps:
            what = "the run has another status" if self.run else "files of the project are not the same"
            return f"not reproduced: {what}"
        return f"not reproduced: {len(self.steps)} of {_steps(self.compared)} of '{self.original}' differ"


def _steps(count: int) -> str:
    return f"{count} step{'' if count == 1 else 's'}"


def differing_steps(
    difference: Difference, pairs: Sequence[Pair], places: Mapping[str, str]
) -> tuple[DifferingStep, ...]:
    """The steps with other results, without success and fail steps, which follow from other steps.

    `pairs` are all steps; `places` are folders, which count as the same in messages, by the text for them.
    """
    ends = {path for pair in pairs if pair.either.is_terminal for path in (pair.first_path, pair.second_path)}
    noted = {pair.second_path for pair in pairs if _succeeded(pair.first) and _succeeded(pair.second)}
    cleaned = (
        _without_noise(step, places, has_notes=step.second in noted)
        for step in difference.steps
        if (step.second or step.first) not in ends
    )
    found = [step for step in cleaned if step.own]
    paths = [step.second or step.first for step in found]
    return tuple(
        DifferingStep(path, step.name, tuple(leaf for change in step.changes for leaf in leaf_changes(change)))
        for path, step in zip(paths, found, strict=True)
        if not any(other.startswith(f"{path}/") for other in paths)
    )


def _succeeded(record: StepRecord | None) -> bool:
    return record is not None and record.status is Status.SUCCESS


def _without_noise(step: StepDifference, places: Mapping[str, str], *, has_notes: bool) -> StepDifference:
    """The step without what is no result: numbers of attempts, notes on successes, and folders in messages."""
    noise = {"attempts", "message"} if has_notes else {"attempts"}
    results = [change for change in step.changes if change.kind not in noise]
    return replace(step, changes=tuple(without_places(results, places)))


def without_places(changes: Sequence[Change], places: Mapping[str, str]) -> Iterator[Change]:
    """The changes without messages that differ in the names of folders alone."""
    for change in changes:
        if change.kind == "message":
            before, after = (_replaced(str(value), places) for value in (change.before, change.after))
            if before == after:
                continue
        yield change


def _replaced(message: str, places: Mapping[str, str]) -> str:
    for place, text in places.items():
        message = message.replace(place, text)
    return message


def data_differences(difference: Difference) -> tuple[str, ...]:
    """Sentences on files that were there before the runs and that have other content."""
    return tuple(sentence(cause) for cause in difference.causes if cause.kind == "data")


def surroundings(difference: Difference) -> Iterator[str]:
    """Sentences on everything else that is recorded and differs."""
    yield from (sentence(cause) for cause in difference.causes if cause.kind in _RECORDED)


def to_judge(steps: Sequence[DifferingStep], most: int) -> tuple[str, ...]:
    """The paths of steps to run a further time: of each step of the pipeline the first that differs, if it ran in both runs."""
    first: dict[str, str] = {}
    for step in steps:
        if not any(change.kind == "ran" for change in step.changes):
            first.setdefault(step.name, step.path)
    return tuple(first.values())[:most]


def judged(steps: Sequence[DifferingStep], answers: Mapping[str, tuple[Judgement, str]]) -> tuple[DifferingStep, ...]:
    """The steps with the judgement of each; `answers` are those on the steps of `to_judge`, by path, with reasons.

    Steps of one name in other branches share the answer.
    """
    by_name = {step.name: answers[step.path] for step in steps if step.path in answers}
    return tuple(_with_judgement(step, *by_name.get(step.name, ("", ""))) for step in steps)


def _with_judgement(step: DifferingStep, judgement: Judgement, reason: str) -> DifferingStep:
    if judgement in {"", "same again", "not judged"} and step.has_other_inputs:
        judgement, reason = "inputs", ""
    return replace(step, judgement=judgement, reason=reason)
