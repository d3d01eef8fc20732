"""The list of runs in pages: filtered, sorted, with columns of parameters and metrics."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec import Struct

from magnus.app.inspect.list_runs import ListedRun, RunFilter, list_runs, matches, run_filter
from magnus.app.ui.reread import Reread
from magnus.app.ui.run_columns import Cell, RunColumns, in_order
from magnus.errors import InvalidInput
from magnus.interfaces.run_log_store import RunLogStore

LONGEST_PAGE: Final = 500
_MOST_COLUMNS: Final = 20
_MOST_CHOICES: Final = 200
_LONGEST_MESSAGE: Final = 300

_KEYS: Final[Mapping[str, Callable[[ListedRun, datetime], Cell | None]]] = {
    "run": lambda run, _now: run.run_id,
    "status": lambda run, _now: run.status.value,
    "pipeline": lambda run, _now: run.pipeline or None,
    "tag": lambda run, _now: run.tag or None,
    "started": lambda run, _now: None if run.start_time is None else run.start_time.timestamp(),
    "took": lambda run, now: None if (took := run.duration(now)) is None else took.total_seconds(),
}
"""The columns that every list has, with what they are sorted by."""


class ListRequest(Struct, frozen=True):
    """A part of a list of runs.

    Attributes:
        which: the runs to list.
        words: texts that the run id, the pipeline, the tag or the message has, in lower case.
        columns: names of more columns, such as `metrics.auc`.
        sort: the column to sort by.
        ascending: whether the least stands first.
        offset: the number of runs before the part.
        limit: the most runs in it.
    """

    which: RunFilter = RunFilter()
    words: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    sort: str = "started"
    ascending: bool = False
    offset: int = 0
    limit: int = 100


class RunRow(Struct, omit_defaults=True):
    """A run in the list; `start` is ISO 8601, `took` in milliseconds, `cells` are in the order of the columns."""

    run_id: str
    status: str
    pipeline: str = ""
    tag: str = ""
    start: str = ""
    took: float | None = None
    message: str = ""
    original_run_id: str = ""
    cells: list[Cell | None] = []


class RunPage(Struct):
    """A part of the list.

    Attributes:
        rows: the runs, from `offset` on.
        matching: the number of runs that match.
        runs: the number of all runs.
        statuses: for each status the number of runs that match all else.
        pipelines: the pipelines of all runs, the frequent ones first.
        tags: the tags of all runs, likewise.
        version: another text if the list has changed.
        now: the time, ISO 8601.
    """

    rows: list[RunRow]
    offset: int
    matching: int
    runs: int
    statuses: dict[str, int]
    pipelines: list[str]
    tags: list[str]
    version: str
    now: str


class _Listing(Struct, frozen=True):
    runs: Sequence[ListedRun]
    version: str
    pipelines: list[str]
    tags: list[str]


class RunList:
    """The runs of a store."""

    def __init__(self, store: RunLogStore, columns: RunColumns) -> None:
        self._store = store
        self._columns = columns
        self._listing = Reread(self._read)

    def version(self) -> str:
        """A text that is another one when the list has changed. RunLogStoreError when it cannot be read."""
        return self._listing.value().version

    def names(self) -> Sequence[str]:
        """The names that more columns can have."""
        return self._columns.names(self._listing.value().runs)

    def page(self, request: ListRequest) -> RunPage:
        """A part of the list. RunLogStoreError when it cannot be read."""
        listing, now = self._listing.value(), datetime.now(UTC)
        besides = msgspec.structs.replace(request.which, statuses=frozenset())
        others = [run for run in listing.runs if matches(run, besides) and _has(run, request.words)]
        runs = [run for run in others if not request.which.statuses or run.status in request.which.statuses]
        part = self._sorted(runs, request, now)[request.offset : request.offset + request.limit]
        return RunPage(
            rows=[self._row(run, request.columns, now) for run in part],
            offset=request.offset,
            matching=len(runs),
            runs=len(listing.runs),
            statuses=dict(Counter(run.status.value for run in others)),
            pipelines=listing.pipelines,
            tags=listing.tags,
            version=listing.version,
            now=now.isoformat(),
        )

    def _read(self) -> _Listing:
        runs = list(list_runs(self._store, RunFilter()))
        version = hashlib.sha256(msgspec.msgpack.encode(runs)).hexdigest()[:16]
        return _Listing(runs, version, _frequent(run.pipeline for run in runs), _frequent(run.tag for run in runs))

    def _sorted(self, runs: Sequence[ListedRun], request: ListRequest, now: datetime) -> Sequence[ListedRun]:
        if request.sort == "started" and not request.ascending:
            return runs  # listed so
        key = _KEYS.get(request.sort)
        values = [self._columns.of(run).get(request.sort) if key is None else key(run, now) for run in runs]
        return [runs[place] for place in in_order(values, ascending=request.ascending)]

    def _row(self, run: ListedRun, columns: Sequence[str], now: datetime) -> RunRow:
        cells = self._columns.of(run) if columns else {}
        took = run.duration(now)
        return RunRow(
            run_id=run.run_id,
            status=run.status.value,
            pipeline=run.pipeline,
            tag=run.tag,
            start="" if run.start_time is None else run.start_time.isoformat(),
            took=None if took is None else round(took.total_seconds() * 1000, 3),
            message=(run.problem or run.message)[:_LONGEST_MESSAGE],
            original_run_id=run.original_run_id,
            cells=[cells.get(name) for name in columns],
        )


def list_request(values: Mapping[str, Sequence[str]]) -> ListRequest:
    """The request of a query, each name with its texts; InvalidInput for texts that mean nothing."""

    def one(name: str, default: str = "") -> str:
        return next(iter(values.get(name, ())), default)

    return ListRequest(
        which=run_filter(
            statuses=values.get("status", ()),
            tags=values.get("tag", ()),
            pipelines=values.get("pipeline", ()),
            since=one("since"),
            before=one("before"),
        ),
        words=tuple(one("text").lower().split()),
        columns=tuple(values.get("column", ()))[:_MOST_COLUMNS],
        sort=one("sort", "started"),
        ascending=one("order") == "up",
        offset=_number("offset", one("offset", "0")),
        limit=min(LONGEST_PAGE, _number("limit", one("limit", "100"))),
    )


def _number(name: str, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise InvalidInput(f"'{text}' is no number of runs for '{name}'", fix="write a number such as 100")


def _has(run: ListedRun, words: Sequence[str]) -> bool:
    """Whether the run has all of the words."""
    if not words:
        return True
    text = "\n".join((run.run_id, run.pipeline, run.tag, run.message, run.problem)).lower()
    return all(word in text for word in words)


def _frequent(texts: Iterable[str]) -> list[str]:
    return [text for text, _ in Counter(filter(None, texts)).most_common(_MOST_CHOICES)]
