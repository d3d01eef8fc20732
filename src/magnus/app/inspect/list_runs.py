"""Lists the runs of a store in short, the newest first, and filters them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from magnus.app.inspect.run_state import RunState, process_is_gone, state_by_process, states_of
from magnus.definition.field_types import Duration
from magnus.errors import InvalidInput, RunLogStoreError, RunNotFound
from magnus.interfaces.run_log_store import DamagedRecord, DatesRecords, RunLogStore, SummarisesRuns
from magnus.run_log.records import ENDED, RunHealth, RunRecord, RunStatus, Status
from magnus.run_log.summary import DamagedRun, RunSummary, summary
from magnus.suggest import near
from magnus.values import Json

STATUSES: Final[Sequence[RunStatus]] = (*Status, *RunHealth)
"""The statuses that a run can have."""
_FIRST_WINDOW: Final = 32
_WINDOW_GROWTH: Final = 8


class RunFilter(Struct, frozen=True):
    """The runs to list; an empty field, or None, excludes none.

    Runs must start at `since` or later, and before `before`.
    """

    statuses: frozenset[RunStatus] = frozenset()
    tags: frozenset[str] = frozenset()
    pipelines: frozenset[str] = frozenset()
    since: datetime | None = None
    before: datetime | None = None


class ListedRun(Struct, frozen=True):
    """A run in a list; a damaged one has only `problem`. Times are UTC.

    `skipped` are its damaged records; None if they were not read. `workflow` is the name of the run in another engine.
    Whether that engine still runs it is unknown here; `last_heard` is the time of its last record.
    `has_jobs` says that its process is gone, but jobs of it run, or may run.
    """

    run_id: str
    status: RunStatus
    pipeline: str = ""
    tag: str = ""
    message: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    use_cached: bool = False
    original_run_id: str = ""
    problem: str = ""
    skipped: tuple[DamagedRecord, ...] | None = None
    workflow: str = ""
    last_heard: datetime | None = None
    has_jobs: bool = False

    def duration(self, now: datetime) -> timedelta | None:
        """The time from its start to its end, or until now; None if the end is unknown."""
        if self.start_time is None or (self.end_time is None and (self.status in ENDED or self.status in RunHealth)):
            return None
        return (self.end_time or now) - self.start_time

    def as_json(self) -> dict[str, Json]:
        """The run for programs; `duration` is in seconds, for a finished run."""
        took = None if self.start_time is None or self.end_time is None else self.end_time - self.start_time
        return {
            "run_id": self.run_id,
            "pipeline": self.pipeline,
            "status": self.status.value,
            "message": self.problem or self.message,
            "start_time": None if self.start_time is None else self.start_time.isoformat(" ", "microseconds"),
            "end_time": None if self.end_time is None else self.end_time.isoformat(" ", "microseconds"),
            "duration": None if took is None else took.total_seconds(),
            "tag": self.tag,
            "use_cached": self.use_cached,
            "original_run_id": self.original_run_id,
            "skipped_records": None if self.skipped is None else [to_builtins(record) for record in self.skipped],
            "workflow": self.workflow,
            "last_heard": None if self.last_heard is None else self.last_heard.isoformat(" ", "microseconds"),
        }


def list_runs(store: RunLogStore, which: RunFilter) -> Iterator[ListedRun]:
    """The runs that match, the newest first, damaged ones last; how they stand is looked for as they are taken."""
    runs = summaries(store)
    whole = sorted((run for run in runs if isinstance(run, RunSummary)), key=_age, reverse=True)
    damaged = (run for run in runs if isinstance(run, DamagedRun))
    chosen = (*_in_time(whole, which), *(() if _has_time(which) else damaged))
    return (_dated(store, run) for run in _listed(store, chosen) if matches(run, which))


def last_heard(store: RunLogStore, run_id: str) -> datetime | None:
    """The time of the last record of the run; None if the store has no such times."""
    return store.last_put(run_id) if isinstance(store, DatesRecords) else None


def _dated(store: RunLogStore, run: ListedRun) -> ListedRun:
    """The run with the time of its last record, if another engine runs it and it has not finished."""
    if not run.workflow or run.status in ENDED or run.status in RunHealth:
        return run
    return replace(run, last_heard=last_heard(store, run.run_id))


def summaries(store: RunLogStore) -> Sequence[RunSummary | DamagedRun]:
    """All runs of the store in short; without summaries of the store, the record of each run is read."""
    return store.summaries() if isinstance(store, SummarisesRuns) else list(_read_one_by_one(store))


def run_filter(
    *,
    statuses: Iterable[str] = (),
    tags: Iterable[str] = (),
    pipelines: Iterable[str] = (),
    since: str | timedelta | datetime = "",
    before: str | timedelta | datetime = "",
) -> RunFilter:
    """The filter from values of a user; InvalidInput if a status or a time is not valid."""
    now = datetime.now(UTC)
    return RunFilter(
        statuses=frozenset(map(_status, statuses)),
        tags=frozenset(tags),
        pipelines=frozenset(pipelines),
        since=moment(since, now),
        before=moment(before, now),
    )


def moment(written: str | timedelta | datetime, now: datetime) -> datetime | None:
    """The time for an age (`2d`, `1h30m`), or for a date or time, which is local without an offset.

    None for "". InvalidInput for other text.
    """
    try:
        match written:
            case datetime():
                return written.astimezone(UTC)
            case timedelta():
                return now - written
            case "":
                return None
            case _:
                return _moment(written, now)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _moment(written: str, now: datetime) -> datetime:
    try:
        return now - timedelta(seconds=Duration.read(written))
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(written.strip()).astimezone(UTC)
    except ValueError as error:
        raise InvalidInput(
            f"'{written}' is neither an age nor a time",
            fix="write an age such as 2d or 1h30m, or a date such as 2026-01-31",
        ) from error


def _status(written: str) -> RunStatus:
    for status in STATUSES:
        if status.value == written.upper():
            return status
    match = near(written.upper(), STATUSES)
    fix = f"did you mean '{match}'?" if match else f"there are {', '.join(STATUSES)}"
    raise InvalidInput(f"'{written}' is not a status of a run", fix=fix)


def _read_one_by_one(store: RunLogStore) -> Iterator[RunSummary | DamagedRun]:
    for run_id in store.list_runs():
        try:
            yield summary(store.get_run(run_id))
        except RunLogStoreError as error:
            yield DamagedRun(run_id, error.problems[0].message)
        except RunNotFound:
            continue  # removed just now


def _age(run: RunSummary) -> tuple[datetime, str]:
    return run.start_time, run.run_id


def _in_time(runs: Iterable[RunSummary], run_filter: RunFilter) -> Iterator[RunSummary]:
    for run in runs:
        if run_filter.since is not None and run.start_time < run_filter.since:
            return
        if run_filter.before is None or run.start_time < run_filter.before:
            yield run


def _is_in_time(start: datetime, run_filter: RunFilter) -> bool:
    is_late = run_filter.since is None or start >= run_filter.since
    return is_late and (run_filter.before is None or start < run_filter.before)


def _has_time(run_filter: RunFilter) -> bool:
    return run_filter.since is not None or run_filter.before is not None


def matches(run: ListedRun, run_filter: RunFilter) -> bool:
    """Whether the filter lists the run; a run without a start is in no time."""
    return (
        (not _has_time(run_filter) or (run.start_time is not None and _is_in_time(run.start_time, run_filter)))
        and (not run_filter.statuses or run.status in run_filter.statuses)
        and (not run_filter.tags or run.tag in run_filter.tags)
        and (not run_filter.pipelines or run.pipeline in run_filter.pipelines)
    )


def _listed(store: RunLogStore, runs: Iterable[RunSummary | DamagedRun]) -> Iterator[ListedRun]:
    """The runs for a list. A window of runs at a time shares requests to executors: small first, as few may be taken."""
    rest, window = iter(runs), _FIRST_WINDOW
    while taken := list(islice(rest, window)):
        states = states_of(list(_without_process(store, taken)))
        for run in taken:
            match run:
                case DamagedRun(run_id, problem):
                    yield ListedRun(run_id, RunHealth.DAMAGED, problem=problem)
                case RunSummary():
                    yield listed_run(run, states.get(run.run_id))
        window *= _WINDOW_GROWTH


def _without_process(store: RunLogStore, runs: Iterable[RunSummary | DamagedRun]) -> Iterator[RunRecord]:
    """The records of unfinished runs whose process is gone."""
    for run in runs:
        if isinstance(run, RunSummary) and process_is_gone(run.status, run.owner):
            with suppress(RunLogStoreError, RunNotFound):
                yield store.get_run(run.run_id)


def listed_run(run: RunSummary, state: RunState | None = None) -> ListedRun:
    """The run for a list, in this state; without one its process is looked for if it has not finished."""
    state = state or state_by_process(run.status, run.owner, run.message)
    return ListedRun(
        run.run_id,
        state.status,
        run.pipeline,
        run.tag,
        state.message,
        run.start_time,
        run.end_time,
        run.use_cached,
        run.original_run_id,
        workflow=run.owner.workflow_name,
        has_jobs=state.has_jobs,
    )
