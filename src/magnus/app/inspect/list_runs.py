"""The use case *runs*: the runs of a store in short, the newest first, and which of them are wanted."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from magnus.definition.durations import Duration
from magnus.engine import liveness
from magnus.errors import InvalidInput, RunLogStoreError, RunNotFound
from magnus.interfaces.run_log_store import DamagedRecord, DatesRecords, RunLogStore, SummarisesRuns
from magnus.run_log.records import ENDED, Owner, Status
from magnus.run_log.summary import DamagedRun, RunHealth, RunStatus, RunSummary, summary
from magnus.suggest import near
from magnus.values import Json

STATUSES: Final[Sequence[RunStatus]] = (*Status, *RunHealth)
"""What the status of a run can be."""


class Wanted(Struct, frozen=True):
    """Which runs are wanted. What is empty, or None, refuses none.

    They began at `since` or later, and before `before`.
    """

    statuses: frozenset[RunStatus] = frozenset()
    tags: frozenset[str] = frozenset()
    pipelines: frozenset[str] = frozenset()
    since: datetime | None = None
    before: datetime | None = None


class ListedRun(Struct, frozen=True):
    """A run as it is listed; of a damaged one nothing is known but `problem`. Times are UTC.

    `skipped` are those of its records that are damaged; None when nobody looked.
    `workflow` is what another engine calls the run that it runs. Whether that still does, nobody here can know: of one that
    has not ended `last_heard` says when something of it was recorded last.
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

    def duration(self, now: datetime) -> timedelta | None:
        """From its start to its end, or until now; None when nobody knows when it ended."""
        if self.start_time is None or (self.end_time is None and (self.status in ENDED or self.status in RunHealth)):
            return None
        return (self.end_time or now) - self.start_time

    def as_json(self) -> dict[str, Json]:
        """What a program is told of it; `duration` in seconds, of a run that has ended."""
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


def listed(store: RunLogStore, which: Wanted) -> Iterator[ListedRun]:
    """The wanted runs, the newest first, damaged ones last. Whether a process is gone is asked run by run."""
    runs = summaries(store)
    whole = sorted((run for run in runs if isinstance(run, RunSummary)), key=_age, reverse=True)
    damaged = (run for run in runs if isinstance(run, DamagedRun))
    found = (*_in_time(whole, which), *(() if _has_time(which) else damaged))
    return (_dated(store, run) for run in map(_judged, found) if _is_wanted(run, which))


def last_heard(store: RunLogStore, run_id: str) -> datetime | None:
    """When something of the run was recorded last; None where the store does not say."""
    return store.last_put(run_id) if isinstance(store, DatesRecords) else None


def _dated(store: RunLogStore, run: ListedRun) -> ListedRun:
    """The run with the time of its last record, where that is all that is known of one that another engine runs."""
    if not run.workflow or run.status in ENDED or run.status in RunHealth:
        return run
    return replace(run, last_heard=last_heard(store, run.run_id))


def summaries(store: RunLogStore) -> Sequence[RunSummary | DamagedRun]:
    """All runs of the store in short; of one that cannot say, every record is read."""
    return store.summaries() if isinstance(store, SummarisesRuns) else list(_read_one_by_one(store))


def status_now(status: Status, owner: Owner) -> RunStatus:
    """How a run stands: LOST, when it has not ended and its process is gone."""
    return RunHealth.LOST if status not in ENDED and liveness.lost(owner) else status


def wanted(
    *,
    statuses: Iterable[str] = (),
    tags: Iterable[str] = (),
    pipelines: Iterable[str] = (),
    since: str | timedelta | datetime = "",
    before: str | timedelta | datetime = "",
) -> Wanted:
    """What a user asks for; InvalidInput when a status or a time is none."""
    now = datetime.now(UTC)
    return Wanted(
        statuses=frozenset(map(_status, statuses)),
        tags=frozenset(tags),
        pipelines=frozenset(pipelines),
        since=moment(since, now),
        before=moment(before, now),
    )


def moment(written: str | timedelta | datetime, now: datetime) -> datetime | None:
    """The time that a user means: so long ago (`2d`, `1h30m`), or a date or time, local where it has no offset.

    None for "". InvalidInput when it is none of these.
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
    raise InvalidInput(f"'{written}' is no status of a run", fix=fix)


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


def _in_time(runs: Iterable[RunSummary], wanted: Wanted) -> Iterator[RunSummary]:
    for run in runs:
        if wanted.since is not None and run.start_time < wanted.since:
            return
        if wanted.before is None or run.start_time < wanted.before:
            yield run


def _has_time(wanted: Wanted) -> bool:
    return wanted.since is not None or wanted.before is not None


def _is_wanted(run: ListedRun, wanted: Wanted) -> bool:
    return (
        (not wanted.statuses or run.status in wanted.statuses)
        and (not wanted.tags or run.tag in wanted.tags)
        and (not wanted.pipelines or run.pipeline in wanted.pipelines)
    )


def _judged(run: RunSummary | DamagedRun) -> ListedRun:
    match run:
        case DamagedRun(run_id, problem):
            return ListedRun(run_id, RunHealth.DAMAGED, problem=problem)
        case RunSummary():
            return judged(run)


def judged(run: RunSummary) -> ListedRun:
    """The run as it is listed: with its process looked for, when it has not ended."""
    status = status_now(run.status, run.owner)
    message = (
        liveness.lost(run.owner) if status is RunHealth.LOST else run.message or liveness.unknown(run.status, run.owner)
    )
    return ListedRun(
        run.run_id,
        status,
        run.pipeline,
        run.tag,
        message,
        run.start_time,
        run.end_time,
        run.use_cached,
        run.original_run_id,
        workflow=run.owner.workflow_name,
    )
