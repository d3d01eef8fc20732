"""Which runs are listed, in which order, and how they stand."""

from datetime import UTC, datetime, timedelta

import pytest
from acme_magnus.run_log_store import SqliteOptions, SqliteRunLogStore
from msgspec.structs import replace

from magnus.app.inspect.find import find_run
from magnus.app.inspect.list_runs import RunFilter, list_runs, listed_run, moment, run_filter
from magnus.engine.processes import liveness
from magnus.errors import InvalidInput, InvalidRunId, RunLogStoreError, RunNotFound
from magnus.interfaces.run_log_store import SummarisesRuns
from magnus.run_log.records import Owner, RunHealth, Status
from magnus.run_log.summary import summary
from magnus.run_log_stores.buffered import BufferedOptions, BufferedRunLogStore
from magnus.testing.records import MOMENT, run_record

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture(params=[SqliteRunLogStore, BufferedRunLogStore], ids=["plugin", "buffered"])
def store(request, tmp_path):
    """A store that cannot say in short what runs it has."""
    options = {SqliteRunLogStore: SqliteOptions, BufferedRunLogStore: BufferedOptions}[request.param]()
    made = request.param(options, tmp_path)
    assert not isinstance(made, SummarisesRuns)
    return made


def ids(found):
    return [run.run_id for run in found]


def test_the_newest_run_is_the_first_and_the_rest_is_by_id(store):
    for run_id, minutes in (("a", 0), ("b", 2), ("c", 1), ("d", 1)):
        store.create_run(replace(run_record(run_id), start_time=MOMENT + timedelta(minutes=minutes)))
    assert ids(list_runs(store, RunFilter())) == ["b", "d", "c", "a"]
    assert find_run(store, "latest").run_id == "b"
    assert find_run(store, "previous").run_id == "d"


def test_times_are_counted_from_the_start_of_runs(store):
    for minutes in range(4):
        store.create_run(replace(run_record(f"r{minutes}"), start_time=MOMENT + timedelta(minutes=minutes)))
    since, before = MOMENT + timedelta(minutes=1), MOMENT + timedelta(minutes=3)
    assert ids(list_runs(store, run_filter(since=since, before=before))) == ["r2", "r1"]


def test_a_run_that_cannot_be_read_is_damaged_and_keeps_no_other_from_being_listed(store, monkeypatch):
    for run_id in "abc":
        store.create_run(run_record(run_id))

    def get_run(run_id, read=store.get_run):
        if run_id == "b":
            raise RunLogStoreError("no sense in it", fix="mend it")
        if run_id == "c":
            raise RunNotFound("gone by now")
        return read(run_id)

    monkeypatch.setattr(store, "get_run", get_run)
    whole, damaged = list_runs(store, RunFilter())
    assert whole.run_id == "a"
    assert (damaged.run_id, damaged.status, damaged.problem) == ("b", RunHealth.DAMAGED, "no sense in it")
    assert ids(list_runs(store, run_filter(statuses=["damaged"]))) == ["b"]
    assert ids(list_runs(store, run_filter(since="1000d"))) == []


def test_a_run_of_a_process_that_is_gone_is_lost():
    run = run_record()
    here = replace(run, owner=liveness.this_process())
    gone = replace(here, owner=replace(here.owner, process_start="another"))
    elsewhere = replace(run, owner=Owner("another-host", 1))
    assert [listed_run(summary(each)).status for each in (here, gone, elsewhere)] == [
        Status.PROCESSING,
        RunHealth.LOST,
        Status.PROCESSING,
    ]
    assert "is gone" in listed_run(summary(gone)).message
    ended = replace(gone, status=Status.SUCCESS)
    assert listed_run(summary(ended)).status is Status.SUCCESS


def test_durations_are_those_that_can_be_known():
    ended = replace(run_record(status=Status.SUCCESS), end_time=MOMENT + timedelta(seconds=3))
    here = replace(run_record(), owner=liveness.this_process())
    gone = replace(here, owner=replace(here.owner, process_start="another"))
    now = MOMENT + timedelta(seconds=7)
    durations = [listed_run(summary(run)).duration(now) for run in (ended, here, gone)]
    assert durations == [timedelta(seconds=3), timedelta(seconds=7), None]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2d", NOW - timedelta(days=2)),
        ("1h30m", NOW - timedelta(minutes=90)),
        ("90", NOW - timedelta(seconds=90)),
        (timedelta(days=1), NOW - timedelta(days=1)),
        ("2026-01-30T10:00+01:00", datetime(2026, 1, 30, 9, tzinfo=UTC)),
        ("2026-01-30 10:00:00.5+00:00", datetime(2026, 1, 30, 10, 0, 0, 500_000, tzinfo=UTC)),
        (datetime(2026, 1, 30, tzinfo=UTC), datetime(2026, 1, 30, tzinfo=UTC)),
        ("2026-01-30", datetime(2026, 1, 30).astimezone()),
        ("99999999999d", datetime.min.replace(tzinfo=UTC)),
        ("", None),
    ],
)
def test_ages_and_times_are_understood(written, meant):
    assert moment(written, NOW) == meant


@pytest.mark.parametrize("written", ["soon", "-1d", "2026-13-01", "d"])
def test_what_is_no_time_is_refused(written):
    with pytest.raises(InvalidInput, match="neither an age nor a time"):
        moment(written, NOW)


def test_a_run_is_found_by_the_beginning_of_its_id(store):
    with pytest.raises(RunNotFound, match="no runs yet"):
        find_run(store, "latest")
    with pytest.raises(RunNotFound, match="no runs yet"):
        find_run(store, "previous")
    store.create_run(run_record("alone"))
    with pytest.raises(RunNotFound, match="there is one run, and none before it: 'alone'"):
        find_run(store, "previous")
    for run_id in ("calm-abel", "calm-abel-2", "bold-bohr"):
        store.create_run(run_record(run_id))
    assert find_run(store, "bo").run_id == "bold-bohr"
    assert find_run(store, "calm-abel").run_id == "calm-abel"
    with pytest.raises(InvalidRunId, match=r"prefix of 2 run ids: 'calm-abel', 'calm-abel-2'"):
        find_run(store, "calm")
    with pytest.raises(RunNotFound, match=r"did you mean 'bold-bohr'\?"):
        find_run(store, "bald-bohr")
    store.create_run(run_record("latest"))
    assert find_run(store, "latest").run_id == "latest"
