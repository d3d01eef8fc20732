"""What every run log store must do, as tests: a store proves itself by subclassing `RunLogStoreContract`.

::

    class TestMyStore(RunLogStoreContract):
        @contextmanager
        def place(self):
            with TemporaryDirectory() as folder:
                yield lambda: MyStore(MyOptions(folder=folder), Path.cwd())

        def pieces(self, store, run_id):
            return [FilePiece(path) for path in store.location.glob(f"{run_id}*")]

`pieces` are the records of a run where they are kept (`magnus.testing.pieces`), for tests that damage them. With `pytest.register_assert_rewrite("magnus.testing")` in a `conftest.py`, before the import, failures show values.
"""

# the names of the tests are the sentences

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Final

import pytest
from hypothesis.stateful import run_state_machine_as_test
from msgspec.structs import replace

from magnus.errors import RunExists, RunLogStoreError, RunNotFound
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.capabilities import Locality
from magnus.interfaces.run_log_store import DatesRecords, KeepsDocuments, RemovesRuns, RunLogStore, SummarisesRuns
from magnus.run_log.parameters import JsonParameter, LargeParameter, ListParameter, MetricParameter, ObjectParameter
from magnus.run_log.records import Branching, BranchScope, CatalogRecord, Status, StepRecord
from magnus.run_log.summary import summary
from magnus.testing.damaged_records_contract import DamagedRecordsContract, OpenStore
from magnus.testing.records import MOMENT, ODD_NAMES, run_record, step_record
from magnus.testing.run_log_store_machine import state_machine

__all__ = ["OpenStore", "RunLogStoreContract"]

ROOT = BranchPath()
MISSING = "no-such-run"

_CLOCKS: Final = timedelta(minutes=1)
"""How far the clock of a store may be from that of this process."""


class RunLogStoreContract(DamagedRecordsContract, ABC):
    """Subclass it with a name that begins with `Test`, and say in `place` how to get a store, in `pieces` how it is damaged."""

    @abstractmethod
    def place(self) -> AbstractContextManager[OpenStore]:
        """An empty place for runs, gone afterwards.

        Every call of what it yields opens one more store on the place, as another process would; where the store
        is not persistent, it gives the same store again.
        """

    @pytest.fixture
    def open_store(self) -> Iterator[OpenStore]:
        """Opens stores on one place; all of them are closed afterwards."""
        opened: list[RunLogStore] = []

        def open_one() -> RunLogStore:
            opened.append(opening())
            return opened[-1]

        with self.place() as opening:
            yield open_one
            for store in opened:
                store.close()

    @pytest.fixture
    def store(self, open_store: OpenStore) -> RunLogStore:
        """A store on an empty place."""
        return open_store()

    @pytest.fixture
    def run_id(self, store: RunLogStore) -> str:
        """A run in `store` without steps."""
        store.create_run(run_record())
        return run_record().run_id

    # Runs

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
        for ask in _questions(store, MISSING):
            with pytest.raises(RunNotFound, match=MISSING):
                ask()
        assert list(store.list_runs()) == []

    # Steps

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
        inner = [_in_branch(outer.path.into(key), "a step") for key in ("0", "1", "")]
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
                store.put_step(run_id, _in_branch(branch, name))
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
        values = [1, 2]
        step = replace(step_record(), parameters={"x": JsonParameter(values)})
        store.put_step(run_id, step)
        values.append(3)
        got = store.get_step(run_id, step.path)
        assert got is not None
        assert got.parameters == {"x": JsonParameter([1, 2])}

    def test_a_value_that_has_no_json_is_refused_and_changes_nothing(self, store: RunLogStore, run_id: str) -> None:
        with pytest.raises(RunLogStoreError, match="step 'a%20step'"):
            store.put_step(run_id, replace(step_record(), metrics={"x": object()}))
        assert store.get_step(run_id, step_record().path) is None

    # In short

    def test_summaries_say_what_the_records_say(self, open_store: OpenStore) -> None:
        store, other = open_store(), open_store()
        if not isinstance(store, SummarisesRuns) or not isinstance(other, SummarisesRuns):
            pytest.skip("this store has no summaries")
        assert list(store.summaries()) == []
        named = replace(run_record("b"), tag="a tag", run_config={"dag": {"name": "a name"}, "pipeline_file": "p.yaml"})
        in_file = replace(run_record("a b"), run_config={"dag": {"start_at": "x"}, "pipeline_file": "p.yaml"})
        odd = replace(run_record("ä"), parameters={"x": MetricParameter(float("nan"))}, run_config={"dag": 3})
        text = replace(run_record("t"), tag='","run":', message='\n{"crc":"00000000","run":"t"')
        for run in (named, in_file, odd, text):
            store.create_run(run)
            store.put_step(run.run_id, step_record('","run":'))
        assert list(other.summaries()) == [summary(run) for run in (in_file, named, text, odd)]
        assert [run.pipeline for run in other.summaries() if hasattr(run, "pipeline")] == ["p.yaml", "a name", "", ""]

    def test_the_last_put_is_dated_whoever_made_it(self, open_store: OpenStore) -> None:
        store, other = open_store(), open_store()
        if not isinstance(other, DatesRecords):
            pytest.skip("this store does not date records")
        assert other.last_put("a") is None
        before = datetime.now(UTC) - _CLOCKS
        store.create_run(run_record("a"))
        times = [other.last_put("a")]
        for path in ("x", "m/0/x", "m/1/x", "x"):
            store.put_step("a", replace(step_record(), path=StepPath.parse(path), status=Status.FAIL))
            times.append(other.last_put("a"))
        store.update_run(run_record("a"))
        times.append(other.last_put("a"))
        assert times == sorted(time for time in times if time is not None and before <= time)
        assert times[-1] is not None
        assert times[-1] <= datetime.now(UTC) + _CLOCKS
        assert other.last_put("b") is None

    def test_summaries_follow_every_change(self, open_store: OpenStore) -> None:
        store, other = open_store(), open_store()
        if not isinstance(other, SummarisesRuns):
            pytest.skip("this store has no summaries")
        for status in (Status.PROCESSING, Status.FAIL, Status.SUCCESS):
            run = replace(run_record("a", status=status), message=status.value)
            if status is Status.PROCESSING:
                store.create_run(run)
            else:
                store.update_run(run)
            for number in range(20):
                store.put_step("a", replace(step_record(f"{status}{number}"), message="m" * 10_000))
            assert list(other.summaries()) == [summary(run)]
        if isinstance(store, RemovesRuns):
            store.remove_run("a")
            assert list(other.summaries()) == []

    # Removal

    def test_a_removed_run_is_not_there_for_anybody(self, open_store: OpenStore) -> None:
        store, other = open_store(), open_store()
        if not isinstance(store, RemovesRuns):
            pytest.skip("runs cannot be removed from this store")
        for run_id in ("a", "a-b"):
            store.create_run(run_record(run_id))
            other.put_step(run_id, step_record())
            other.put_step(run_id, _in_branch(step_record("outer").path.into("0"), "a step"))
        store.remove_run("a")
        for each in (store, other):
            for ask in _questions(each, "a"):
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
        inner = _in_branch(step_record("outer").path.into("0"), "a step")
        store.put_step(run_id, replace(inner, catalog=(replace(entry, data_hash=deep),)))
        assert store.mentioned_hashes(run_id) >= {file, of_object, deep, large, elements}

    def test_references_to_large_values_come_back(self, store: RunLogStore, run_id: str) -> None:
        large = LargeParameter(".parameters/x.json", "3d" * 32, 10**6)
        said = LargeParameter(".parameters/y.json", "4e" * 32, 10**6, is_text=True)
        step = replace(
            step_record(),
            parameters={"x": large, "y": said, "z": ListParameter((large, JsonParameter(1)))},
            scope=BranchScope({"x": large}, {}, {"i": 1, "x": large}),
            branching=Branching(count=2, values=said),
        )
        store.put_step(run_id, step)
        assert store.get_step(run_id, step.path) == step
        assert store.list_steps(run_id, ROOT) == [step]

    # Many at a time

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

    # All together

    def test_it_behaves_as_a_dict(self) -> None:
        run_state_machine_as_test(state_machine(self.place))

    def test_what_it_declares_is_consistent(self, store: RunLogStore) -> None:
        assert store.capabilities.persistent or store.capabilities.reach is Locality.PROCESS

    def test_documents_are_replaced_and_are_no_runs(self, store: RunLogStore, run_id: str) -> None:
        if not isinstance(store, KeepsDocuments):
            pytest.skip("this store keeps no documents")
        for text in ("first", "second ✓"):
            store.write_document(run_id, iter(("{\n", text, "}\n")))
        assert list(store.list_runs()) == [run_id]
        assert store.get_run(run_id) == run_record(run_id)


def _questions(store: RunLogStore, run_id: str) -> tuple[Callable[[], object], ...]:
    """Everything that can be asked about a run that should be there."""
    return (
        lambda: store.get_run(run_id),
        lambda: store.update_run(run_record(run_id)),
        lambda: store.put_step(run_id, step_record()),
        lambda: store.get_step(run_id, step_record().path),
        lambda: store.list_steps(run_id, ROOT),
    )


def _in_branch(branch: BranchPath, name: str) -> StepRecord:
    return replace(step_record(), path=branch.step(name))
