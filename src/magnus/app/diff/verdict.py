"""What came first: the one sentence that says why two runs differ. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final, get_args

from msgspec import UNSET

from magnus.app.diff.differences import END, Cause, Kind, StepDifference, Verdict
from magnus.app.diff.sentences import no_cause, sentence

_RANK: Final = {kind: rank for rank, kind in enumerate(get_args(Kind))}

ONE_RUN: Final = Verdict("no difference: it is one run", differs=False)


def in_order(causes: Sequence[Cause], steps: Sequence[StepDifference]) -> tuple[Cause, ...]:
    """The causes as they took part. What surrounds all steps did so at the first one that came out differently."""
    first = first_effect(steps)
    place = END if first is None else first.position

    def key(cause: Cause) -> tuple[float, int, str]:
        return (place if cause.position is None else cause.position, _RANK[cause.kind], cause.what)

    return tuple(sorted(causes, key=key))


def first_effect(steps: Sequence[StepDifference]) -> StepDifference | None:
    """The first step that did something else than in the other run, which is more than that something else came to it."""
    return next((step for step in steps if step.own), None)


def verdict(causes: Sequence[Cause], commits: Sequence[Cause], steps: Sequence[StepDifference]) -> Verdict:
    """The verdict; `causes` are in order. A commit is named when nothing else is there to be named."""
    effect = first_effect(steps)
    explained = effect is None or any((cause.position or 0.0) <= effect.position for cause in causes)
    if effect is not None and not explained and not commits:
        more = f"; {sentence(causes[0])}, but that came later" if causes else ""
        return Verdict(no_cause(effect) + more, differs=True, step=effect.name)
    named = next(iter(causes if explained and causes else commits), None)
    if named is None:
        return Verdict("no difference but timing", differs=False)
    others = len(causes) - 1 if named in causes else 0
    more = "" if others < 1 else f", and {others} more cause{'' if others == 1 else 's'} below"
    return Verdict(sentence(named, first=True) + more, differs=True, cause=named, step=next(iter(_steps(named)), ""))


def _steps(cause: Cause) -> Iterator[str]:
    if cause.kind != "pipeline" or cause.before is not UNSET or cause.after is not UNSET:
        yield from cause.steps
