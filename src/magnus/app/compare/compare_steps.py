"""Compares each step of two runs."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import UNSET

from magnus.app.compare.align_steps import Pair, identities
from magnus.app.compare.model import Change, StepDifference, Timing, changes
from magnus.app.compare.read_run import Alike
from magnus.run_log.metrics import plain_metrics
from magnus.run_log.parameters import shown
from magnus.run_log.records import CatalogRecord, StepRecord
from magnus.run_log.spans import seconds, span_of
from magnus.values import Json


def step_differences(pairs: Sequence[Pair], alike: Alike) -> tuple[StepDifference, ...]:
    """The steps that differ, in the order of execution; a composite follows its branches."""
    differences = (_step_difference(pair, alike) for pair in pairs)
    differing = [difference for difference in differences if difference.changes]
    return tuple(sorted(differing, key=lambda difference: difference.position))


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
        changes=tuple(_changes(first, second, alike)),
    )


def _changes(first: StepRecord | None, second: StepRecord | None, alike: Alike) -> Iterator[Change]:
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
