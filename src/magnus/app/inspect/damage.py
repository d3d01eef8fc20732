"""What is wrong with the records of a run: those that are damaged and were skipped, and those that are missing.

Called by all use cases that look at runs; those that only list them count what is damaged.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from magnus.app.inspect.list_runs import ListedRun, status_now
from magnus.app.text.plain_text import plain
from magnus.errors import RunLogStoreError, RunNotFound
from magnus.interfaces.run_log_store import DamagedRecord, FindsDamage, RunLogStore
from magnus.run_log.gaps import Gap, gaps
from magnus.run_log.records import ENDED, RunRecord
from magnus.run_log.summary import RunHealth
from magnus.values import Json

_MOST_SHOWN: Final = 10
_MOST_LOOKED_THROUGH: Final = 100
"""A listing may have ten thousand runs, whose records are not all read for it."""


class Damage(Struct, frozen=True):
    """Of one run: records that readers skip, and records that it must have had."""

    skipped: Sequence[DamagedRecord] = ()
    missing: Sequence[Gap] = ()

    def lines(self) -> list[str]:
        """Lines that say what is wrong, for people; none when nothing is."""
        found = [*skipped_lines(self.skipped), *(_line(gap) for gap in self.missing)]
        more = len(found) - _MOST_SHOWN
        return [*found[:_MOST_SHOWN], f"and {more} more like these"] if more > 0 else found

    def as_json(self) -> dict[str, Json]:
        """What programs are told of it."""
        return {
            "skipped_records": [
                {"step": record.step, "problem": record.problem, "place": record.place} for record in self.skipped
            ],
            "missing_records": [{"step": gap.step, "problem": gap.problem} for gap in self.missing],
        }


def damage(store: RunLogStore, run: RunRecord) -> Damage:
    """What is wrong with the records of the run; what a run that goes on lacks may be on its way."""
    skipped = skipped_records(store, run.run_id)
    status = status_now(run.status, run.owner)
    if status not in ENDED and status not in RunHealth:
        return Damage(skipped)
    return Damage(skipped, tuple(gaps(run, lambda branch: store.list_steps(run.run_id, branch))))


def skipped_records(store: RunLogStore, run_id: str) -> Sequence[DamagedRecord]:
    """The damaged ones; none where the store cannot tell."""
    return store.damaged_records(run_id) if isinstance(store, FindsDamage) else ()


def looked_through(store: RunLogStore, runs: Iterable[ListedRun]) -> Iterator[ListedRun]:
    """The runs with those of their records that are damaged, as far as they are among the first hundred."""
    left = _MOST_LOOKED_THROUGH
    for run in runs:
        left -= 1
        yield run if left < 0 or run.status is RunHealth.DAMAGED else _looked_through(store, run)


def _looked_through(store: RunLogStore, run: ListedRun) -> ListedRun:
    try:
        return replace(run, skipped=tuple(skipped_records(store, run.run_id)))
    except RunNotFound:
        return run  # removed just now
    except RunLogStoreError as error:
        return replace(run, problem=error.problems[0].message)


def skipped_lines(skipped: Sequence[DamagedRecord]) -> list[str]:
    """A line that counts them, and one for each."""
    if not skipped:
        return []
    count = "1 record is" if len(skipped) == 1 else f"{len(skipped)} records are"
    steps = sorted({record.step for record in skipped if record.step})
    of_steps = f", of {', '.join(repr(step) for step in steps[:_MOST_SHOWN])}" if steps else ""
    details = "; ".join(f"{record.problem} ({record.place})" for record in skipped[:_MOST_SHOWN])
    return [plain(f"{count} damaged and skipped{of_steps}: {details}")]


def _line(gap: Gap) -> str:
    return plain(f"'{gap.step}': {gap.problem}" if gap.step else f"the run: {gap.problem}")
