"""Gives the report of a run as it is now, and reads the run again only when its records may have changed."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock
from time import monotonic
from typing import Final

from msgspec import Struct
from msgspec.structs import asdict, replace

from magnus.app.inspect.list_runs import last_heard
from magnus.app.inspect.run_state import RunState, state_of
from magnus.app.report.html_document import json_of
from magnus.app.report.model import Report
from magnus.app.report.run_report import run_report
from magnus.app.ui.reread import Reread
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import RunRecord

_SETTLED_SECONDS: Final = 2.0
"""The time of the last record may be this coarse: a record can follow another one without another time."""
_MOST: Final = 16


class LiveReport(Report, omit_defaults=True):
    """The report of a run for a page that follows it.

    Attributes:
        version: another text if anything but the time has changed.
        is_over: whether the run can get no more records.
    """

    version: str = ""
    is_over: bool = False


class Snapshot(Struct, frozen=True):
    """A run at one moment.

    Attributes:
        run_id: the id of the run.
        is_over: whether the run can get no more records.
        report: a `LiveReport` without output of steps and without images, as JSON.
        images: the images of the report, as JSON.
        version: the version of the report.
    """

    run_id: str
    is_over: bool
    report: str
    images: str
    version: str

    def whole(self) -> str:
        """The report with its images."""
        return f'{self.report[:-1]},"images":{self.images}}}'


class _Stamp(Struct, frozen=True):
    """What is read of a run at little cost to see whether it changed; `put` is None if the store cannot say it."""

    state: RunState
    recorded: str
    put: datetime | None


class WatchedRun:
    """One run, for any number of pages that show it."""

    def __init__(
        self,
        store: RunLogStore,
        catalog: Callable[[], Catalog],
        run_id: str,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._run_id = run_id
        self._clock = clock
        self._stamp: _Stamp | None = None
        self._stamp_since = 0.0
        self._snapshot: Snapshot | None = None
        self._is_settled = False
        self._reread = Reread(self._read, clock)

    def now(self) -> Snapshot:
        """The run as it is now, or was a moment ago. RunNotFound, or ServiceError when it cannot be read."""
        return self._reread.value()

    def _read(self) -> Snapshot:
        run = self._store.get_run(self._run_id)
        stamp = self._stamp_of(run)
        if stamp != self._stamp:
            self._stamp, self._stamp_since, self._is_settled = stamp, self._clock(), False
        elif self._is_settled and self._snapshot is not None:
            return self._snapshot
        is_settled = stamp.put is not None and self._clock() - self._stamp_since >= _SETTLED_SECONDS
        self._snapshot = snapshot(run, self._store, self._catalog(), is_over=stamp.state.is_over)
        self._is_settled = is_settled
        return self._snapshot

    def _stamp_of(self, run: RunRecord) -> _Stamp:
        return _Stamp(state_of(run), run.status.value, last_heard(self._store, run.run_id))


def snapshot(run: RunRecord, store: RunLogStore, catalog: Catalog, *, is_over: bool) -> Snapshot:
    """The run as its records are now; `is_over` says whether it can get no more of them."""
    now = datetime.now(UTC)
    report = run_report(run, store, catalog, now, with_output=False)
    images = json_of(report.images)
    fields = asdict(report) | {"images": []}
    undated = fields | {"head": replace(report.head, written="")}
    version = hashlib.sha256((json_of(LiveReport(**undated)) + images).encode(errors="replace")).hexdigest()[:16]
    live = LiveReport(**fields, version=version, is_over=is_over)
    return Snapshot(run.run_id, live.is_over, json_of(live), images, version)


class WatchedRuns:
    """The runs that pages show; of runs that no page has shown for long, nothing is remembered."""

    def __init__(self, store: RunLogStore, catalog: Callable[[], Catalog]) -> None:
        self._store = store
        self._catalog = catalog
        self._runs: OrderedDict[str, WatchedRun] = OrderedDict()
        self._lock = Lock()

    def run(self, run_id: str) -> WatchedRun:
        """The run of this id, which need not exist."""
        with self._lock:
            watched = self._runs.pop(run_id, None) or WatchedRun(self._store, self._catalog, run_id)
            self._runs[run_id] = watched
            while len(self._runs) > _MOST:
                self._runs.popitem(last=False)
            return watched
