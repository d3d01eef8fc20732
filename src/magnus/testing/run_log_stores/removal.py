"""Tests of stores that remove runs. A part of `RunLogStoreContract`."""

import pytest
from msgspec.structs import replace

from magnus.errors import RunNotFound
from magnus.interfaces.run_log_store import RemovesRuns, RunLogStore
from magnus.run_log.parameters import LargeParameter, ObjectParameter
from magnus.run_log.records import Branching, CatalogRecord
from magnus.testing.records import run_record, step_record
from magnus.testing.run_log_stores.place import MISSING, ROOT, OpenStore, PlaceOfStores, in_branch, questions


class RemovalContract(PlaceOfStores):
    """A removed run is gone for every reader; a store that removes no runs skips these tests."""

    def test_a_removed_run_is_not_there_for_anybody(self, open_store: OpenStore) -> None:
        store, other = open_store(), open_store()
        if not isinstance(store, RemovesRuns):
            pytest.skip("runs cannot be removed from this store")
        for run_id in ("a", "a-b"):
            store.create_run(run_record(run_id))
            other.put_step(run_id, step_record())
            other.put_step(run_id, in_branch(step_record("outer").path.into("0"), "a step"))
        store.remove_run("a")
        for each in (store, other):
            for ask in questions(each, "a"):
                with pytest.raises(RunNotFound):
                    ask()
            assert list(each.list_runs()) == ["a-b"]
            assert each.list_steps("a-b", ROOT) == [step_record()]

    def test_a_run_of_a_removed_id_begins_empty(self, store: RunLogStore, run_id: str) -> None:
        if not isinstance(store, RemovesRuns):
            pytest.skip("runs cannot be removed from this store")
        for _ in range(2):
            store.put_step(run_id, step_record())
            store.remove_run(run_id)
            store.create_run(run_record(run_id))
            assert store.get_step(run_id, step_record().path) is None

    def test_what_is_not_there_cannot_be_removed(self, store: RunLogStore) -> None:
        if not isinstance(store, RemovesRuns):
            pytest.skip("runs cannot be removed from this store")
        for ask in (store.remove_run, store.mentioned_hashes):
            for run_id in (MISSING, "", "../x", "x" * 300):
                with pytest.raises(RunNotFound):
                    ask(run_id)

    def test_all_content_that_records_speak_of_is_mentioned(self, store: RunLogStore, run_id: str) -> None:
        if not isinstance(store, RemovesRuns):
            pytest.skip("runs cannot be removed from this store")
        file, of_object, deep, large, elements = (digits * 32 for digits in ("0a", "1b", "2c", "3d", "4e"))
        entry = CatalogRecord('"data_hash', file, "a", ".catalog", "put", 1)
        store.put_step(run_id, replace(step_record(), catalog=(entry,)))
        store.put_step(run_id, replace(step_record("b"), parameters={"x": ObjectParameter("x", of_object)}))
        store.put_step(run_id, replace(step_record("c"), parameters={"x": LargeParameter("x", large, 1)}))
        branching = Branching(count=1, values=LargeParameter("x", elements, 1))
        store.put_step(run_id, replace(step_record("d"), branching=branching))
        inner = in_branch(step_record("outer").path.into("0"), "a step")
        store.put_step(run_id, replace(inner, catalog=(replace(entry, data_hash=deep),)))
        assert store.mentioned_hashes(run_id) >= {file, of_object, deep, large, elements}
