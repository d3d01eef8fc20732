"""Tests of the records of runs and steps, with several stores and threads, too. A part of `RunLogStoreContract`."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from msgspec.structs import replace

from magnus.errors import RunExists, RunLogStoreError, RunNotFound
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.parameters import JsonParameter, LargeParameter, ListParameter, MetricParameter
from magnus.run_log.records import Branching, BranchScope, Status
from magnus.testing.records import MOMENT, ODD_NAMES, run_record, step_record
from magnus.testing.run_log_stores.place import MISSING, ROOT, OpenStore, PlaceOfStores, in_branch, questions


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


class StepsContract(PlaceOfStores):
    """Each step has one record, and the first success stands."""

    def test_a_step_comes_back_equal(self, store: RunLogStore, run_id: str) -> None:
        store.put_step(run_id, step_record())
        assert store.get_step(run_id, step_record().path) == step_record()

    def test_a_step_that_was_not_put_is_none(self, store: RunLogStore, run_id: str) -> None:
        store.put_step(run_id, step_record("another"))
        assert store.get_step(run_id, step_record("a step").path) is None

    @pytest.mark.parametrize("durable", [False, True])
    def test_a_put_replaces_the_record_before(self, store: RunLogStore, run_id: str, *, durable: bool) -> None:
        for status in (Status.CREATED, Status.PROCESSING, Status.FAIL, Status.SUCCESS):
            store.put_step(run_id, step_record(status=status), durable=durable)
            assert store.list_steps(run_id, ROOT) == [step_record(status=status)]

    @pytest.mark.parametrize("late", list(Status))
    def test_the_first_success_stands(self, store: RunLogStore, run_id: str, late: Status) -> None:
        first = replace(step_record(), message="the first")
        store.put_step(run_id, first)
        store.put_step(run_id, replace(first, status=late, message="late"))
        assert store.get_step(run_id, first.path) == first
        assert store.list_steps(run_id, ROOT) == [first]

    def test_steps_are_listed_by_position(self, store: RunLogStore, run_id: str) -> None:
        steps = [step_record(f"step {position}", position=position) for position in (2, 10, 0, 1)]
        for step in steps:
            store.put_step(run_id, step)
        assert [step.position for step in store.list_steps(run_id, ROOT)] == [0, 1, 2, 10]

    def test_a_branch_lists_its_own_steps_only(self, store: RunLogStore, run_id: str) -> None:
        outer = replace(step_record("outer"), step_type="map")
        inner = [in_branch(outer.path.into(key), "a step") for key in ("0", "1", "")]
        for step in (outer, *inner):
            store.put_step(run_id, step)
        assert store.list_steps(run_id, ROOT) == [outer]
        for step in inner:
            assert store.list_steps(run_id, step.branch) == [step]
        assert list(store.list_steps(run_id, outer.path.into("2"))) == []

    def test_runs_do_not_see_the_steps_of_each_other(self, store: RunLogStore) -> None:
        for run_id in ("a", "a-b"):
            store.create_run(run_record(run_id))
        store.put_step("a", step_record())
        assert list(store.list_steps("a-b", ROOT)) == []

    def test_names_that_are_awkward_elsewhere_are_kept_apart(self, store: RunLogStore, run_id: str) -> None:
        branches = [
            ROOT,
            *(ROOT.step(name).into(key) for name, key in zip(ODD_NAMES, reversed(ODD_NAMES), strict=True)),
        ]
        for branch in branches:
            for name in ODD_NAMES:
                store.put_step(run_id, in_branch(branch, name))
        for branch in branches:
            listed = store.list_steps(run_id, branch)
            assert sorted(step.path.name for step in listed) == sorted(ODD_NAMES)
            assert all(step.branch == branch for step in listed)

    def test_text_that_is_not_valid_unicode_is_kept(self, store: RunLogStore, run_id: str) -> None:
        step = replace(step_record("\udcff"), message="a file named \udcff")
        store.put_step(run_id, step)
        assert store.list_steps(run_id, ROOT) == [step]

    def test_a_metric_may_be_infinite(self, store: RunLogStore, run_id: str) -> None:
        step = replace(step_record(), parameters={"loss": MetricParameter(float("inf"))}, metrics={"loss": -1e999})
        store.put_step(run_id, step)
        assert store.get_step(run_id, step.path) == step

    def test_a_large_record_is_kept(self, store: RunLogStore, run_id: str) -> None:
        step = replace(step_record(), parameters={"x": JsonParameter("long " * 200_000)})
        store.put_step(run_id, step)
        store.put_step(run_id, step_record("next"))
        assert store.get_step(run_id, step.path) == step

    def test_a_value_changed_after_the_put_changes_no_record(self, store: RunLogStore, run_id: str) -> None:
        """Also when the store has just put, and was read, before."""
        for position in range(3):
            values, arguments = [1, 2], [3]
            step = step_record(f"step {position}", position=position)
            attempt = replace(step.attempts[0], parameters={"y": arguments})
            step = replace(step, parameters={"x": JsonParameter(values)}, attempts=(attempt,))
            store.put_step(run_id, step)
            values.append(3)
            arguments.append(4)
            got = store.get_step(run_id, step.path)
            assert got is not None
            assert got.parameters == {"x": JsonParameter([1, 2])}
            assert got.attempts[0].parameters == {"y": [3]}

    def test_a_value_that_has_no_json_is_refused_and_changes_nothing(self, store: RunLogStore, run_id: str) -> None:
        with pytest.raises(RunLogStoreError, match="step 'a%20step'"):
            store.put_step(run_id, replace(step_record(), metrics={"x": object()}))
        assert store.get_step(run_id, step_record().path) is None

    def test_references_to_large_values_come_back(self, store: RunLogStore, run_id: str) -> None:
        large = LargeParameter(".parameters/x.json", "3d" * 32, 10**6)
        text = LargeParameter(".parameters/y.json", "4e" * 32, 10**6, is_text=True)
        step = replace(
            step_record(),
            parameters={"x": large, "y": text, "z": ListParameter((large, JsonParameter(1)))},
            scope=BranchScope({"x": large}, {}, {"i": 1, "x": large}),
            branching=Branching(count=2, values=text),
        )
        store.put_step(run_id, step)
        assert store.get_step(run_id, step.path) == step
        assert store.list_steps(run_id, ROOT) == [step]


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
