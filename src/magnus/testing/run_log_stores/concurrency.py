"""Tests with several stores and threads at a time. A part of `RunLogStoreContract`."""

from concurrent.futures import ThreadPoolExecutor

from msgspec.structs import replace

from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import Status
from magnus.testing.records import run_record, step_record
from magnus.testing.run_log_stores.place import ROOT, OpenStore, PlaceOfStores


class ConcurrencyContract(PlaceOfStores):
    """Threads lose no record, and all stores on a place see the same."""

    def test_threads_that_put_different_steps_lose_nothing(self, store: RunLogStore, run_id: str) -> None:
        names = [f"step {number}" for number in range(200)]

        def put(name: str) -> bool:
            store.put_step(run_id, step_record(name, status=Status.PROCESSING))
            store.put_step(run_id, step_record(name))
            return store.get_step(run_id, step_record(name).path) == step_record(name)

        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(put, names))
        assert {step.path.name for step in store.list_steps(run_id, ROOT)} == set(names)

    def test_of_threads_that_succeed_at_one_step_one_stands_for_all_readers(self, open_store: OpenStore) -> None:
        stores = [open_store() for _ in range(4)]
        stores[0].create_run(run_record("a"))

        def put(number: int) -> None:
            for _ in range(10):
                stores[number].put_step("a", replace(step_record(), message=str(number)))

        with ThreadPoolExecutor(len(stores)) as threads:
            list(threads.map(put, range(len(stores))))
        assert len({str(store.get_step("a", step_record().path)) for store in stores}) == 1

    def test_what_one_store_puts_the_others_see(self, open_store: OpenStore) -> None:
        writer, reader = open_store(), open_store()
        writer.create_run(run_record("a"))
        assert reader.list_runs() == ["a"]
        for position in range(5):
            step = step_record(f"step {position}", position=position)
            writer.put_step("a", step)
            assert reader.get_step("a", step.path) == step
        writer.update_run(run_record("a", status=Status.SUCCESS))
        assert reader.get_run("a").status is Status.SUCCESS

    def test_a_closed_store_can_be_used_again(self, store: RunLogStore, run_id: str) -> None:
        store.put_step(run_id, step_record())
        store.close()
        store.put_step(run_id, step_record("next", position=1))
        assert store.list_steps(run_id, ROOT) == [step_record(), step_record("next", position=1)]
