"""A run as it is now, read again only when its records may have changed."""

import json

import pytest
from msgspec.structs import replace

from magnus.app.ui.watched_run import WatchedRun, WatchedRuns
from magnus.errors import RunLogStoreError, RunNotFound
from magnus.run_log.records import Status


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Counted:
    """A store that counts how often it lists steps, and can be away."""

    def __init__(self, store):
        self.store = store
        self.listings = 0
        self.is_away = False

    def __getattr__(self, name):
        return getattr(self.store, name)

    def get_run(self, run_id):
        if self.is_away:
            raise RunLogStoreError("the store is away")
        return self.store.get_run(run_id)

    def last_put(self, run_id):
        return self.store.last_put(run_id)

    def list_steps(self, run_id, branch):
        self.listings += 1
        return self.store.list_steps(run_id, branch)


def watched(runs, store, clock):
    return WatchedRun(store, lambda: runs.viewer.catalog, "one", clock)


def statuses(snapshot):
    return {row["name"]: row["status"] for row in json.loads(snapshot.report)["rows"][1:]}


def test_each_record_of_a_running_run_is_seen(runs):
    run, clock = runs.run("one", Status.PROCESSING), Clock()
    one = watched(runs, runs.store, clock)
    first = one.now()
    assert (statuses(first), first.is_over) == ({}, False)
    runs.step(run, "fit", Status.PROCESSING)
    clock.now += 1
    second = one.now()
    assert statuses(second) == {"fit": "PROCESSING"}
    assert second.version != first.version
    runs.step(run, "fit", Status.FAIL, message="no label")
    runs.store.update_run(replace(run, status=Status.FAIL, end_time=run.start_time, message="step 'fit' failed"))
    clock.now += 1
    third = one.now()
    assert statuses(third) == {"fit": "FAIL"}
    assert third.is_over


def test_records_that_stay_are_not_read_again(runs):
    run, clock, store = runs.run("one", Status.PROCESSING), Clock(), Counted(runs.store)
    runs.step(run, "fit")
    one = watched(runs, store, clock)
    versions = set()
    for _ in range(3):  # until the time of the last record is old
        versions.add(one.now().version)
        clock.now += 2
    read = store.listings
    for _ in range(20):
        versions.add(one.now().version)
        clock.now += 2
    assert store.listings == read
    runs.step(run, "score", position=1)
    versions.add(one.now().version)
    assert store.listings > read
    assert len(versions) == 2


def test_a_store_that_is_away_is_an_error_until_it_is_back(runs):
    runs.run("one", Status.PROCESSING)
    clock, store = Clock(), Counted(runs.store)
    one = watched(runs, store, clock)
    one.now()
    clock.now, store.is_away = 1, True
    with pytest.raises(RunLogStoreError):
        one.now()
    store.is_away = False
    assert not one.now().is_over


def test_a_run_that_is_not_there_can_come(runs):
    one = WatchedRuns(runs.store, lambda: runs.viewer.catalog).run("one")
    with pytest.raises(RunNotFound):
        one.now()
    runs.run("one")
    assert one.now().is_over


def test_the_runs_that_were_shown_last_are_remembered(runs):
    all_runs = WatchedRuns(runs.store, lambda: runs.viewer.catalog)
    first = all_runs.run("one")
    for number in range(15):
        all_runs.run(str(number))
    assert all_runs.run("one") is first
    for number in range(16):
        all_runs.run(str(number))
    assert all_runs.run("one") is not first
