"""Tests of the optional abilities of a store, such as the removal of runs. A part of `RunLogStoreContract`."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from msgspec.structs import replace

from magnus.errors import RunNotFound
from magnus.graph.path import StepPath
from magnus.interfaces.run_log_store import (
    CountsSteps,
    DatesRecords,
    KeepsDocuments,
    KeepsResults,
    RemovesRuns,
    RunLogStore,
    SummarisesRuns,
)
from magnus.run_log.parameters import LargeParameter, MetricParameter, ObjectParameter
from magnus.run_log.records import Branching, CatalogRecord, Status
from magnus.run_log.summary import summary
from magnus.testing.records import run_record, step_record
from magnus.testing.run_log_stores.place import MISSING, ROOT, OpenStore, PlaceOfStores, in_branch, questions

_CLOCKS: Final = timedelta(minutes=1)
"""How far the clock of a store may be from that of this process."""


class OptionalAbilitiesContract(PlaceOfStores):
    """Summaries, dates and documents agree with the records; a store without an ability skips its tests."""

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

    def test_steps_of_a_branch_are_counted_once_each(self, open_store: OpenStore) -> None:
        store, other = open_store(), open_store()
        if not isinstance(store, CountsSteps) or not isinstance(other, CountsSteps):
            pytest.skip("this store does not count steps")
        store.create_run(run_record("a"))
        store.create_run(run_record("b"))
        paths = ("x", "y", "a%2Fb", "m", "m/0/x", "m/0/y", "m/1/x")
        for path in paths:
            for status in (Status.PROCESSING, Status.FAIL, Status.SUCCESS):
                store.put_step("a", replace(step_record(), path=StepPath.parse(path), status=status))
        store.put_step("a", replace(step_record(), path=StepPath.parse("z"), status=Status.PROCESSING))
        composite = StepPath(("m",))
        branches = (ROOT, *(composite.into(key) for key in "012"))
        for reader in (store, other):
            assert [reader.count_steps("a", branch) for branch in branches] == [5, 2, 1, 0]
            assert [reader.count_steps("a", branch) for branch in branches] == [
                len(store.list_steps("a", branch)) for branch in branches
            ]
            assert reader.count_steps("b", ROOT) == 0
            with pytest.raises(RunNotFound):
                reader.count_steps("c", ROOT)

    def test_results_are_found_by_their_key_the_newest_first(self, open_store: OpenStore) -> None:
        store, other = open_store(), open_store()
        if not isinstance(store, KeepsResults) or not isinstance(other, KeepsResults):
            pytest.skip("this store keeps no results")
        key, paths = "0a" * 32, [StepPath.parse(text) for text in ("a%2Fb", f"m/0/{'x' * 200}", "ü")]
        assert list(store.results(key)) == []
        for run_id in ("a", "b"):
            store.create_run(run_record(run_id))
        before = datetime.now(UTC) - _CLOCKS
        for path in paths:
            store.put_result(key, "a", path)
        store.put_result(key, "b", paths[0])
        store.put_result(key, "a", paths[1])
        assert [result.path for result in other.results(key) if result.run_id == "a"] == [paths[1], paths[2], paths[0]]
        assert [result.run_id for result in other.results(key)] == ["a", "b", "a", "a"]
        assert all(before < result.time < datetime.now(UTC) + _CLOCKS for result in other.results(key))
        assert list(other.results("0b" * 32)) == []
        assert list(other.list_runs()) == ["a", "b"]
        for number in range(20):
            store.put_result(key, "a", StepPath.parse(f"step{number}"))
        assert str(other.results(key)[0].path) == "step19"

    def test_documents_are_replaced_and_are_no_runs(self, store: RunLogStore, run_id: str) -> None:
        if not isinstance(store, KeepsDocuments):
            pytest.skip("this store keeps no documents")
        for text in ("first", "second ✓"):
            store.write_document(run_id, iter(("{\n", text, "}\n")))
        store.write_document(run_id, (store.get_run(line).run_id for line in [run_id] * 3))
        assert list(store.list_runs()) == [run_id]
        assert store.get_run(run_id) == run_record(run_id)


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
