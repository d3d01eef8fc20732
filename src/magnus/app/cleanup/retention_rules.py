"""Which runs a clean-up keeps: a function of the records of the runs, the rules and the time. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from magnus.run_log.records import Status


class RunFacts(Struct, frozen=True):
    """The facts in the record of a run; `over` says that it has finished, or that its process is certainly gone.

    The status of a run that is lost is FAIL, as `magnus show` has it.
    """

    run_id: str
    status: Status
    start_time: datetime
    tag: str = ""
    over: bool = True
    original_run_id: str = ""


class Rules(Struct, frozen=True):
    """Runs that match any rule are kept. Without a rule all runs are kept.

    Attributes:
        days: keeps runs started less than so many days ago.
        last: keeps so many of the newest runs.
        tags: keeps runs with one of these tags.
        statuses: keeps runs with one of these statuses.
        runs: keeps these, by their ids.
    """

    days: float | None = None
    last: int | None = None
    tags: frozenset[str] = frozenset()
    statuses: frozenset[Status] = frozenset()
    runs: frozenset[str] = frozenset()

    @property
    def are_given(self) -> bool:
        """Whether there is a rule."""
        return self.days is not None or self.last is not None or bool(self.tags or self.statuses or self.runs)


def keep_reasons(runs: Sequence[RunFacts], rules: Rules, now: datetime) -> Mapping[str, str]:
    """Why runs are kept, by run id; a run that is not named there may go.

    A run that is not over is kept, and so is one that a kept run resumed, also by way of others.
    """
    newest = sorted(runs, key=lambda run: (run.start_time, run.run_id), reverse=True)
    last = frozenset(run.run_id for run in newest[: rules.last or 0])
    reasons = {run.run_id: reason for run in runs if (reason := _reason(run, rules, now, last))}
    by_id = {run.run_id: run for run in runs}
    for run_id in tuple(reasons):
        for original in _originals(by_id[run_id], by_id):
            reasons.setdefault(original, f"resumed by {run_id}")
    return reasons


def runs_to_remove(runs: Iterable[RunFacts], reasons: Mapping[str, str]) -> Sequence[RunFacts]:
    """The runs that nothing keeps, the oldest first."""
    return sorted((run for run in runs if run.run_id not in reasons), key=lambda run: (run.start_time, run.run_id))


def _reason(run: RunFacts, rules: Rules, now: datetime, last: frozenset[str]) -> str:
    reasons = (
        (not run.over, "it may be running"),
        (not rules.are_given, "no rule says which runs go"),
        (rules.days is not None and now - run.start_time < _days(rules.days), f"younger than {rules.days or 0:g} days"),
        (run.run_id in last, f"one of the last {rules.last}"),
        (run.tag in rules.tags, f"its tag is '{run.tag}'"),
        (run.run_id in rules.runs, "it is named"),
        (run.status in rules.statuses, f"its status is {run.status.value}"),
    )
    return next((reason for keeps, reason in reasons if keeps), "")


def _days(number: float) -> timedelta:
    """As long as there can be, at most."""
    return timedelta(days=min(number, timedelta.max.days))


def _originals(run: RunFacts, by_id: Mapping[str, RunFacts]) -> Iterator[str]:
    """The runs that this one resumed, the latest first."""
    seen = {run.run_id}
    original = by_id.get(run.original_run_id)
    while original is not None and original.run_id not in seen:
        seen.add(original.run_id)
        yield original.run_id
        original = by_id.get(original.original_run_id)
