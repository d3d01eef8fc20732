"""Says whether a step of a run ran or reused a result, and why. Called by `magnus explain` and by `magnus diff`."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from msgspec import Struct, field

from magnus.engine.run.cache_reasons import difference, differences
from magnus.errors import RunLogStoreError, RunNotFound
from magnus.graph.path import print_names
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import RunRecord, Status, StepRecord, is_cached
from magnus.run_log.step_walk import SeenStep, walk, walk_step
from magnus.values import Json

_NO_CACHE: Final = "it has no cache"
_REUSED: Final = False


class Explanation(Struct, frozen=True):
    """Why a step ran, or which result it reused.

    Attributes:
        step: the path of the step, for people.
        ran: whether it ran.
        reason: why it ran, or why it did not.
        run_id: the run of the step whose result it reused; "" if it ran.
        source: the path of that step in that run.
        key: the key of the step; "" if it has none.
        inputs: the parts of the key, by readable names.
        compared_with: the run of the earlier step that the inputs were compared with; "" for none.
        differences: all differences from that step.
    """

    step: str
    ran: bool
    reason: str
    run_id: str = ""
    source: str = ""
    key: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    compared_with: str = ""
    differences: tuple[str, ...] = ()

    def as_json(self) -> Json:
        """The explanation as JSON; what is empty is left out."""
        more = {
            "cached_from": {"run_id": self.run_id, "step": self.source} if self.run_id else {},
            "key": self.key,
            "compared_with": self.compared_with,
            "differences": list(self.differences),
            "inputs": dict(self.inputs),
        }
        kept = {name: value for name, value in more.items() if value}
        return {"step": self.step, "verdict": "ran" if self.ran else "reused", "reason": self.reason, **kept}


def explanations(store: RunLogStore, run: RunRecord, one: SeenStep | None = None) -> Iterator[Explanation]:
    """One for each task of the run that started, or of `one` step and the steps in it, in order."""
    steps_of = partial(store.list_steps, run.run_id)
    seen = walk(steps_of) if one is None else walk_step(steps_of, one.record, one.names[:-1])
    for each in seen:
        if isinstance(each, SeenStep) and not each.record.is_terminal and each.record.branching is None:
            yield _explained(store, run, each)


def rerun(first: StepRecord, first_run: str, second: StepRecord, step: str) -> Explanation | None:
    """Why the step ran in a second run, although it had a result in the first one that a cached step may reuse.

    It is None if the first had no such result, or the second ran nothing. `step` is its path in the second run, for people.
    """
    before, after = first.cache, second.cache
    if (
        before is None
        or not before.key
        or first.status is not Status.SUCCESS
        or is_cached(second)
        or not second.attempts
    ):
        return None
    if after is None:
        return Explanation(step, ran=True, reason=_NO_CACHE)
    if not after.key:
        return Explanation(step, ran=True, reason=after.reason)
    return Explanation(
        step,
        ran=True,
        reason=difference(before.inputs, after.inputs) or after.reason,
        key=after.key,
        inputs=after.inputs,
        compared_with=first_run,
        differences=tuple(differences(before.inputs, after.inputs)),
    )


def _explained(store: RunLogStore, run: RunRecord, seen: SeenStep) -> Explanation:
    record, step = seen.record, print_names(seen.names)
    cache = record.cache
    if cache is not None and cache.run_id:
        reason = "same code, parameters and files"
        return Explanation(step, _REUSED, reason, cache.run_id, cache.step, cache.key, cache.inputs)
    if record.mock and not record.attempts:
        return Explanation(step, _REUSED, "it succeeded there", run.original_run_id, str(record.path))
    if cache is None:
        return Explanation(step, ran=True, reason=_NO_CACHE)
    before = _compared(store, cache.compared_with, record)
    changes = () if before is None or before.cache is None else tuple(differences(before.cache.inputs, cache.inputs))
    return Explanation(
        step,
        ran=True,
        reason=cache.reason,
        key=cache.key,
        inputs=cache.inputs,
        compared_with="" if before is None else cache.compared_with,
        differences=changes,
    )


def _compared(store: RunLogStore, run_id: str, record: StepRecord) -> StepRecord | None:
    """The earlier record of the step that it was compared with; None when there is none any more."""
    if run_id:
        with suppress(RunNotFound, RunLogStoreError):
            return store.get_step(run_id, record.path)
    return None
