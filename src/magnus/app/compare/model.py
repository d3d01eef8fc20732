"""What can differ between two runs, as values."""

import json
from collections.abc import Mapping
from typing import Final, Literal

from msgspec import UNSET, Struct, field

from magnus.values import Json

Kind = Literal[
    "pipeline",
    "code",
    "parameter",
    "variable",
    "data",
    "interruption",
    "configuration",
    "packages",
    "environment",
    "commit",
]
"""Causes. Of several at one place the one that is listed first counts."""

Effect = Literal["ran", "type", "status", "message", "attempts", "given", "got", "set", "metric", "put", "branches"]
"""What can differ in a step. `given` and `got` are what came to it, all others what it made of that."""

END: Final = float("inf")
"""The place of what no step was reached by."""


class Change(Struct, frozen=True):
    """One thing that is not the same; `before` and `after` are UNSET in the run that does not have it."""

    kind: str
    what: str
    before: Json = UNSET
    after: Json = UNSET


class Cause(Struct, frozen=True):
    """Something that went into one run and not into the other.

    Attributes:
        kind: what it is of.
        what: its name: of a parameter, a file, an option; of code the pieces, separated by commas.
        before: its value in the first run, UNSET when it has none; hashes, where no value is kept.
        after: likewise in the second run.
        steps: the steps it takes part in, as far as that is known, in the order in which they ran; names in the pipeline.
        position: its place in the order of execution; None when it surrounds all steps.
    """

    kind: Kind
    what: str
    before: Json = UNSET
    after: Json = UNSET
    steps: tuple[str, ...] = ()
    position: float | None = None


class StepDifference(Struct, frozen=True):
    """What differs in a step that one of the runs had, or both; `first` and `second` are its paths there, "" for none.

    `name` is that in the pipeline, `position` its place in the order of execution, or of what became of its branches.
    """

    name: str
    first: str
    second: str
    position: float
    changes: tuple[Change, ...]

    @property
    def own(self) -> tuple[Change, ...]:
        """What is not just passed on to it."""
        return tuple(change for change in self.changes if change.kind not in {"given", "got"})


class Timing(Struct, frozen=True):
    """How long a step, or with the name "" the run, took in each run, in seconds; None where that is not known."""

    name: str
    first_path: str
    second_path: str
    first: float | None
    second: float | None


class RunFacts(Struct, frozen=True):
    """A run as people know it; `status` is a Status, or `lost`, `damage` says what is wrong with its records."""

    run_id: str
    status: str
    tag: str
    started: str
    seconds: float | None
    pipeline_file: str
    commit: str
    original_run_id: str
    damage: tuple[str, ...] = ()


class Verdict(Struct, frozen=True):
    """The first thing to know: a sentence, whether anything differs but timing, the first cause if one was recorded.

    `step` is the step, by its name in the pipeline, at which the runs part; "" when that is not at a step.
    """

    text: str
    differs: bool
    cause: Cause | None = None
    step: str = ""


class Difference(Struct, frozen=True):
    """All that differs; causes and steps in the order of execution. `notes` are what nothing is concluded from."""

    first: RunFacts
    second: RunFacts
    verdict: Verdict
    causes: tuple[Cause, ...]
    run: tuple[Change, ...]
    steps: tuple[StepDifference, ...]
    timings: tuple[Timing, ...]
    notes: tuple[Change, ...] = field(default_factory=tuple)


def same(before: Json, after: Json) -> bool:
    """Whether they are one value as JSON: 1 is not 1.0, nor true, and NaN is NaN."""
    if before is UNSET or after is UNSET:
        return before is after
    if type(before) is type(after) and isinstance(before, str | int):
        return bool(before == after)
    return _text(before) == _text(after)


def _text(value: Json) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def changes(kind: str, before: Mapping[str, Json], after: Mapping[str, Json]) -> tuple[Change, ...]:
    """What differs between two mappings, sorted by name."""
    if before == after and _text(before) == _text(after):
        return ()
    names = sorted({*before, *after})
    found = (Change(kind, name, before.get(name, UNSET), after.get(name, UNSET)) for name in names)
    return tuple(change for change in found if not same(change.before, change.after))
