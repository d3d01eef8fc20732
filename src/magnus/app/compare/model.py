"""The values of a comparison of two runs."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

from msgspec import UNSET, Struct, field

from magnus.app.inspect.explain import Explanation
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
"""The kinds of causes. The earliest cause counts; among causes at the same place, the kind that is listed first."""

Effect = Literal["ran", "type", "status", "message", "attempts", "given", "got", "set", "metric", "put", "branches"]
"""The kinds of differences in a step. `given` and `got` are its inputs, all others its effects."""

_NOTABLE_SECONDS: Final = 0.1
_NOTABLE_FACTOR: Final = 1.25

END: Final = float("inf")
"""The place of a cause that no step reached."""


class Change(Struct, frozen=True):
    """One difference; `before` or `after` is UNSET if the run has no such value."""

    kind: str
    what: str
    before: Json = UNSET
    after: Json = UNSET


class Cause(Struct, frozen=True):
    """An input that differs between the runs.

    Attributes:
        kind: the kind of input.
        what: its name: of a parameter, a file, an option; of code the pieces, separated by commas.
        before: its value in the first run, UNSET when it has none; a hash if the value is not stored.
        after: the same for the second run.
        steps: the steps known to use it, by their names in the pipeline, in the order of execution.
        position: its place in the order of execution; None if it affects all steps.
    """

    kind: Kind
    what: str
    before: Json = UNSET
    after: Json = UNSET
    steps: tuple[str, ...] = ()
    position: float | None = None


class StepDifference(Struct, frozen=True):
    """The differences in a step of one or both runs; `first` and `second` are its paths there, "" for none.

    `name` is its name in the pipeline, `position` its place in the order of execution, behind its branches.
    """

    name: str
    first: str
    second: str
    position: float
    changes: tuple[Change, ...]

    @property
    def own(self) -> tuple[Change, ...]:
        """The differences that are not inputs of the step."""
        return tuple(change for change in self.changes if change.kind not in {"given", "got"})

    @property
    def paths(self) -> str:
        """Its path, or both paths where they differ, for people."""
        if self.first and self.second and self.first != self.second:
            return f"{self.first} and {self.second}"
        return self.second or self.first


class Timing(Struct, frozen=True):
    """The duration of a step, or for the name "" of the run, in seconds; None if unknown."""

    name: str
    first_path: str
    second_path: str
    first: float | None
    second: float | None

    @property
    def seconds_apart(self) -> float:
        """How far the durations are apart; 0 if one is unknown."""
        return 0.0 if self.first is None or self.second is None else abs(self.second - self.first)

    @property
    def is_notable(self) -> bool:
        """Whether the durations differ so much that people want to see it."""
        if self.first is None or self.second is None:
            return False
        less, more = sorted((self.first, self.second))
        return more - less >= _NOTABLE_SECONDS and more >= less * _NOTABLE_FACTOR


class RunFacts(Struct, frozen=True):
    """The facts of a run for people; `status` is a Status or `lost`, `damage` lists damaged and missing records."""

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
    """The main result: a sentence, whether more than timing differs, and the first cause, if one was recorded.

    `step` is the name in the pipeline of the first step that differs, or "".
    """

    text: str
    differs: bool
    cause: Cause | None = None
    step: str = ""


class Difference(Struct, frozen=True):
    """All differences; causes and steps are in the order of execution, `notes` decide nothing.

    `reruns` are the steps that ran in the second run although the first one had a result of them to reuse.
    """

    first: RunFacts
    second: RunFacts
    verdict: Verdict
    causes: tuple[Cause, ...]
    run: tuple[Change, ...]
    steps: tuple[StepDifference, ...]
    timings: tuple[Timing, ...]
    notes: tuple[Change, ...] = field(default_factory=tuple)
    reruns: tuple[Explanation, ...] = ()


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
    """The differences of two mappings, sorted by name."""
    if before == after and _text(before) == _text(after):
        return ()
    names = sorted({*before, *after})
    pairs = (Change(kind, name, before.get(name, UNSET), after.get(name, UNSET)) for name in names)
    return tuple(change for change in pairs if not same(change.before, change.after))


_REFERENCE: Final = frozenset({"object", "data_hash"})


def leaf_changes(change: Change) -> Iterator[Change]:
    """The differences in the leaves of nested values, named by their places, such as `scores[2].auc`.

    An object of the catalog is one leaf, its content hash.
    """
    todo = [change]
    while todo:
        one = todo.pop()
        match one.before, one.after:
            case dict() as before, dict() as after if before.keys() & after.keys() >= _REFERENCE:
                yield Change(one.kind, one.what, before["data_hash"], after["data_hash"])
            case dict() as before, dict() as after:
                todo += reversed(changes(one.kind, *(_placed(one.what, value.items()) for value in (before, after))))
            case list() as before, list() as after:
                sides = ({f"{one.what}[{n}]": item for n, item in enumerate(value)} for value in (before, after))
                todo += reversed(_in_order(changes(one.kind, *sides), max(before, after, key=len), one.what))
            case _:
                yield one


def _placed(name: str, items: Iterable[tuple[str, Json]]) -> Mapping[str, Json]:
    return {f"{name}.{key}" if name else str(key): value for key, value in items}


def _in_order(found: Sequence[Change], longest: Sequence[Json], name: str) -> list[Change]:
    """The changes of a list by number and not by text."""
    by_place = {change.what: change for change in found}
    places = (f"{name}[{number}]" for number in range(len(longest)))
    return [by_place[place] for place in places if place in by_place]
