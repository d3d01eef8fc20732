"""Aligns the steps of two runs in the order in which they ran, and compares each pair.

Steps are matched by name, branches of a map by the element and its occurrence, iterations of a loop by their number, all
other branches by name. A step of one run alone stands behind the step that it followed there.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from msgspec import UNSET, Struct

from magnus.app.compare.model import Change, StepDifference, Timing, changes
from magnus.app.compare.read_run import Alike, ReadRun
from magnus.app.inspect.explain import Explanation, rerun
from magnus.graph.path import BranchPath, print_names
from magnus.run_log.parameters import plain_metrics, shown
from magnus.run_log.records import CatalogRecord, StepRecord, seconds, span_of
from magnus.run_log.step_walk import SeenStep, branches_of, walk
from magnus.values import Json

_ON_FAILURE = " on failure"


class Pair(Struct):
    """One step in both runs, or in one; `name` is its name in the pipeline, the paths are for people.

    `entered` and `left` are its places in the order of execution; the steps of its branches are between them.
    """

    name: str
    first: StepRecord | None
    second: StepRecord | None
    entered: int
    left: int
    first_path: str = ""
    second_path: str = ""

    @property
    def either(self) -> StepRecord:
        """The record in the first run that has one."""
        record = self.first or self.second
        assert record is not None
        return record


def pairs(first: ReadRun, second: ReadRun) -> list[Pair]:
    """All steps of the two runs; steps in branches of a step follow it."""
    walk = _Walk(first, second)
    walk.branch(BranchPath(), BranchPath(), ())
    return walk.pairs


class _Walk:
    def __init__(self, first: ReadRun, second: ReadRun) -> None:
        self._first = _by_branch(first)
        self._second = _by_branch(second)
        self._written = {**first.written, **second.written}
        self._clock = 0
        self.pairs: list[Pair] = []

    def branch(self, before: BranchPath, after: BranchPath, around: tuple[str, ...]) -> None:
        """Align a (sub)pipeline that both runs entered."""
        first, second = self._first.get(before, {}), self._second.get(after, {})
        for name in aligned(list(first), list(second)):
            self._step(first.get(name), second.get(name), (*around, name))

    def _step(self, seen: SeenStep | None, other: SeenStep | None, names: tuple[str, ...]) -> None:
        names = self._as_written(names)
        first, second = (None if one is None else one.record for one in (seen, other))
        pair = Pair("/".join(names), first, second, self._tick(), 0, _path(seen), _path(other))
        self.pairs.append(pair)
        if first is not None and second is not None and first.branching and second.branching:
            before, after = identities(first), identities(second)
            for identity in aligned(list(before), list(after)):
                if identity in before and identity in after:
                    inside = self._inside(names, before[identity].parts[-1])
                    self.branch(before[identity], after[identity], inside)
        pair.left = self._tick()

    def _tick(self) -> int:
        self._clock += 1
        return self._clock

    def _as_written(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names in the pipeline: the steps under `on_failure` belong to the step that has it."""
        if "/".join(names) in self._written or not names[-1].endswith(_ON_FAILURE):
            return names
        return (*names[:-1], names[-1].removesuffix(_ON_FAILURE))

    def _inside(self, names: tuple[str, ...], key: str) -> tuple[str, ...]:
        """The names in the pipeline around the steps of a branch."""
        written: Json = self._written.get("/".join(names), {})
        return (*names, key) if key in (written.get("branches") or {}) else names


def _by_branch(run: ReadRun) -> Mapping[BranchPath, Mapping[str, SeenStep]]:
    """The steps of a run by the branch they are in and by name, in the order of execution."""
    steps: dict[BranchPath, dict[str, SeenStep]] = {}
    for seen in walk(run.steps):
        if isinstance(seen, SeenStep):
            steps.setdefault(seen.record.branch, {})[seen.record.path.name] = seen
    return steps


def _path(seen: SeenStep | None) -> str:
    return "" if seen is None else print_names(seen.names)


def identities(step: StepRecord) -> Mapping[str, BranchPath]:
    """The branches of a step by an identity that holds in other runs: for a map the element and its occurrence."""
    seen: Counter[str] = Counter()
    paths = {}
    for branch in branches_of(step):
        text = json.dumps(branch.value[0], sort_keys=True) if branch.value else branch.key
        paths[f"{text} {seen[text]}" if branch.value else text] = branch.path
        seen[text] += 1
    return paths


def aligned(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """The names of both in one order that is the same whichever comes first."""
    places = {name: number for number, name in enumerate(first)}
    common = {name: max(places[name], number) for number, name in enumerate(second) if name in places}
    keys = {name: (place, 0, 0, name) for name, place in common.items()}
    for names in (first, second):
        keys.update(_between(names, common))
    return sorted(keys, key=keys.__getitem__)


def _between(names: Sequence[str], common: Mapping[str, int]) -> Iterator[tuple[str, tuple[int, int, int, str]]]:
    """The names that only one has, each after the one that both have before it."""
    before, offset = -1, 0
    for name in names:
        if name in common:
            before, offset = common[name], 0
        else:
            offset += 1
            yield name, (before, 1, offset, name)


def step_differences(pairs: Sequence[Pair], alike: Alike) -> tuple[StepDifference, ...]:
    """The steps that differ, in the order of execution; a composite follows its branches."""
    differences = (_step_difference(pair, alike) for pair in pairs)
    differing = [difference for difference in differences if difference.changes]
    return tuple(sorted(differing, key=lambda difference: difference.position))


def reruns(pairs: Sequence[Pair], first_run: str) -> tuple[Explanation, ...]:
    """The tasks with a result in the first run to reuse that ran again in the second one, each with the reason."""
    both = ((pair.first, pair.second, pair.second_path) for pair in pairs)
    explained = (
        rerun(first, first_run, second, path)
        for first, second, path in both
        if first is not None and second is not None
    )
    return tuple(explanation for explanation in explained if explanation is not None)


def timings(pairs: Sequence[Pair]) -> tuple[Timing, ...]:
    """The durations of the tasks that ran in both runs."""
    return tuple(
        Timing(
            pair.name,
            pair.first_path,
            pair.second_path,
            seconds(span_of(pair.first)),
            seconds(span_of(pair.second)),
        )
        for pair in pairs
        if pair.first is not None and pair.second is not None and _took_time(pair.first) and _took_time(pair.second)
    )


def _took_time(record: StepRecord) -> bool:
    return span_of(record) is not None


def _step_difference(pair: Pair, alike: Alike) -> StepDifference:
    is_composite = pair.either.branching is not None
    first, second = pair.first, pair.second
    return StepDifference(
        name=pair.name,
        first=pair.first_path,
        second=pair.second_path,
        position=pair.left if is_composite and first is not None and second is not None else pair.entered,
        changes=tuple(record_changes(first, second, alike)),
    )


def record_changes(first: StepRecord | None, second: StepRecord | None, alike: Alike) -> Iterator[Change]:
    """The differences of two records of one step; None for a run that did not come to it."""
    if first is None or second is None:
        before, after = (UNSET if record is None else record.status.value for record in (first, second))
        yield Change("ran", "", before, after)
        return
    if _is_done(first) and _is_done(second) and first.attempts and second.attempts:
        yield from changes("given", first.attempts[-1].parameters, second.attempts[-1].parameters)
    yield from changes("got", _got(first), _got(second))
    yield from changes("type", {"": first.step_type}, {"": second.step_type})
    yield from changes("status", {"": first.status.value}, {"": second.status.value})
    yield from changes("message", {"": first.message}, {"": second.message})
    if first.attempts and second.attempts:
        yield from changes("attempts", {"": len(first.attempts)}, {"": len(second.attempts)})
    if first.branching and second.branching:
        yield from changes("branches", *map(_names, _unlike(first, second)))
    yield from changes("set", _set(first), _set(second))
    yield from changes("metric", plain_metrics(first.metrics), plain_metrics(second.metrics))
    yield from _put(first, second, alike)


def _is_done(record: StepRecord) -> bool:
    return record.branching is None and not record.is_terminal


def _got(record: StepRecord) -> Mapping[str, Json]:
    return {entry.name: entry.data_hash for entry in record.catalog if entry.stage == "get"}


def _set(record: StepRecord) -> Mapping[str, Json]:
    return {name: shown(parameter) for name, parameter in record.parameters.items()}


def _put(first: StepRecord, second: StepRecord, alike: Alike) -> Iterator[Change]:
    """The files that are results of the step; for a composite its branches have them."""
    if first.branching is not None or second.branching is not None:
        return
    before, after = _results(first), _results(second)
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if (old and old.preexisting) or (new and new.preexisting):
            continue
        if old is None or new is None or (old.data_hash != new.data_hash and not alike(old, new)):
            yield Change("put", name, UNSET if old is None else old.data_hash, UNSET if new is None else new.data_hash)


def _results(record: StepRecord) -> Mapping[str, CatalogRecord]:
    return {entry.name: entry for entry in record.catalog if entry.stage == "put"}


def _unlike(first: StepRecord, second: StepRecord) -> tuple[Sequence[str], Sequence[str]]:
    """The branches that only one of the steps has, by their identity."""
    before, after = identities(first), identities(second)
    return [name for name in before if name not in after], [name for name in after if name not in before]


def _names(identities_: Sequence[str]) -> Mapping[str, Json]:
    return dict.fromkeys(identities_, True)
