"""Finds the damaged and the missing records of a run, for every use case that reads runs."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from magnus.app.inspect.run_state import RunState, state_of
from magnus.app.text.plain_text import plain
from magnus.errors import RunLogStoreError, RunNotFound
from magnus.interfaces.run_log_store import DamagedRecord, FindsDamage, RunLogStore
from magnus.run_log.records import ENDED, RunHealth, RunRecord
from magnus.run_log.step_walk import Gap, gaps
from magnus.values import Json

if TYPE_CHECKING:
    from magnus.app.inspect.list_runs import ListedRun  # lazy: a run that resumes another lists none

_MOST_SHOWN: Final = 10
_MOST_READ: Final = 100
"""The runs whose records a list reads; a list may have ten thousand runs."""


class Damage(Struct, frozen=True):
    """The damaged records of a run, which readers skip, and its missing records."""

    skipped: Sequence[DamagedRecord] = ()
    missing: Sequence[Gap] = ()

    def lines(self) -> list[str]:
        """The damage for people, one line each; empty if there is none."""
        lines = [*skipped_lines(self.skipped), *(_line(gap) for gap in self.missing)]
        more = len(lines) - _MOST_SHOWN
        return [*lines[:_MOST_SHOWN], f"and {more} more like these"] if more > 0 else lines

    def as_json(self) -> dict[str, Json]:
        """The damage for programs."""
        return {
            "skipped_records": [
                {"step": record.step, "problem": record.problem, "place": record.place} for record in self.skipped
            ],
            "missing_records": [{"step": gap.step, "problem": gap.problem} for gap in self.missing],
        }


def damage(store: RunLogStore, run: RunRecord, state: RunState | None = None) -> Damage:
    """The damage of the run; missing records count only after the run is over. `state` is how it stands, if known."""
    skipped = skipped_records(store, run.run_id)
    if run.status not in ENDED and not (state or state_of(run)).is_over:
        return Damage(skipped)
    return Damage(skipped, tuple(gaps(run, lambda branch: store.list_steps(run.run_id, branch))))


def skipped_records(store: RunLogStore, run_id: str) -> Sequence[DamagedRecord]:
    """The damaged records of the run; none if the store cannot find them."""
    return store.damaged_records(run_id) if isinstance(store, FindsDamage) else ()


def with_damage(store: RunLogStore, runs: Iterable["ListedRun"]) -> "Iterator[ListedRun]":
    """The runs with their damaged records, for the first hundred runs."""
    budget = _MOST_READ
    for run in runs:
        budget -= 1
        yield run if budget < 0 or run.status is RunHealth.DAMAGED else _with_damage(store, run)


def _with_damage(store: RunLogStore, run: "ListedRun") -> "ListedRun":
    try:
        return replace(run, skipped=tuple(skipped_records(store, run.run_id)))
    except RunNotFound:
        return run  # removed just now
    except RunLogStoreError as error:
        return replace(run, problem=error.problems[0].message)


def skipped_lines(skipped: Sequence[DamagedRecord]) -> list[str]:
    """The damaged records in one line; no line if there are none."""
    if not skipped:
        return []
    count = "1 record is" if len(skipped) == 1 else f"{len(skipped)} records are"
    steps = sorted({record.step for record in skipped if record.step})
    of_steps = f", of {', '.join(repr(step) for step in steps[:_MOST_SHOWN])}" if steps else ""
    details = "; ".join(f"{record.problem} ({record.place})" for record in skipped[:_MOST_SHOWN])
    return [plain(f"{count} damaged and skipped{of_steps}: {details}")]


def _line(gap: Gap) -> str:
    return plain(f"'{gap.step}': {gap.problem}" if gap.step else f"the run: {gap.problem}")
