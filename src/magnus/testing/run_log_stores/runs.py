"""Tests of the records of runs. A part of `RunLogStoreContract`."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from msgspec.structs import replace

from magnus.errors import RunExists, RunNotFound
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import Status
from magnus.testing.records import MOMENT, run_record, step_record
from magnus.testing.run_log_stores.place import MISSING, ROOT, OpenStore, PlaceOfStores, questions


class RunsContract(PlaceOfStores):
    """Runs are created once, replaced as a whole, and listed by id."""

    def test_a_created_run_comes_back_equal(self, store: RunLogStore) -> None:
        store.create_run(run_record("a"))
        assert store.get_run("a") == run_record("a")

    def test_a_second_run_of_one_id_is_refused_and_changes_nothing(self, store: RunLogStore) -> None:
        store.create_run(run_record("a"))
        store.put_step("a", step_record())
        with pytest.raises(RunExists):
            store.create_run(run_record("a", status=Status.FAIL))
        assert store.get_run("a").status is Status.PROCESSING
        assert store.list_steps("a", ROOT) == [step_record()]

    def test_of_many_threads_creating_one_run_exactly_one_succeeds(self, open_store: OpenStore) -> None:
        stores = [open_store() for _ in range(8)]
        together = Barrier(len(stores))

        def create(number: int) -> bool:
            together.wait()
            try:
                stores[number].create_run(replace(run_record("a"), tag=str(number)))
            except RunExists:
                return False
            return True

        with ThreadPoolExecutor(len(stores)) as threads:
            created = list(threads.map(create, range(len(stores))))
        assert created.count(True) == 1
        assert stores[0].get_run("a").tag == str(created.index(True))

    def test_an_updated_run_comes_back_updated(self, store: RunLogStore, run_id: str) -> None:
        ended = replace(run_record(run_id), status=Status.FAIL, message="why", end_time=MOMENT)
        store.update_run(ended)
        assert store.get_run(run_id) == ended

    def test_a_run_can_be_updated_after_it_ended(self, store: RunLogStore, run_id: str) -> None:
        store.update_run(run_record(run_id, status=Status.SUCCESS))
        store.update_run(run_record(run_id, status=Status.FAIL))
        assert store.get_run(run_id).status is Status.FAIL

    def test_runs_are_listed_sorted_by_id(self, store: RunLogStore) -> None:
        assert list(store.list_runs()) == []
        for run_id in ("b", "a", "ä", "a b", "a.b"):
            store.create_run(run_record(run_id))
        assert list(store.list_runs()) == sorted(("b", "a", "ä", "a b", "a.b"))

    def test_a_run_that_is_not_there_is_not_found_whatever_is_asked(self, store: RunLogStore) -> None:
        for ask in questions(store, MISSING):
            with pytest.raises(RunNotFound, match=MISSING):
                ask()
        assert list(store.list_runs()) == []
