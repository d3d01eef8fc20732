"""Tests of the optional abilities of a store. A part of `RunLogStoreContract`."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from msgspec.structs import replace

from magnus.graph.path import StepPath
from magnus.interfaces.run_log_store import DatesRecords, KeepsDocuments, RemovesRuns, RunLogStore, SummarisesRuns
from magnus.run_log.parameters import MetricParameter
from magnus.run_log.records import Status
from magnus.run_log.summary import summary
from magnus.testing.records import run_record, step_record
from magnus.testing.run_log_stores.place import OpenStore, PlaceOfStores

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

    def test_documents_are_replaced_and_are_no_runs(self, store: RunLogStore, run_id: str) -> None:
        if not isinstance(store, KeepsDocuments):
            pytest.skip("this store keeps no documents")
        for text in ("first", "second ✓"):
            store.write_document(run_id, iter(("{\n", text, "}\n")))
        assert list(store.list_runs()) == [run_id]
        assert store.get_run(run_id) == run_record(run_id)
