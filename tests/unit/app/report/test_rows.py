"""Rows of a report, from records."""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from magnus.app.report.interned_texts import Texts
from magnus.app.report.model import Series
from magnus.app.report.rows import Rows
from magnus.app.report.write_report import report_html
from magnus.catalogs.do_nothing import DoNothingCatalog, DoNothingOptions
from magnus.engine.files.large_values import LargeValues
from magnus.engine.files.spilling_store import SpillingStore
from magnus.graph.path import StepPath
from magnus.run_log.parameters import CountedMetric
from magnus.run_log.records import AttemptRecord, Branching, Owner, RunRecord, Status, StepRecord
from magnus.run_log_stores.buffered import BufferedOptions, BufferedRunLogStore
from magnus.testing.records import run_records, step_records

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


def step(path, status=Status.SUCCESS, *, position=0, kind="task", at=(), branching=None, **more):
    attempts = tuple(
        AttemptRecord(number, BEGAN + timedelta(seconds=second), BEGAN, length, status)
        for number, (second, length) in enumerate(at)
    )
    return StepRecord(
        StepPath(tuple(path.split("/"))), position, status, kind, attempts=attempts, branching=branching, **more
    )


def rows(*steps, status=Status.FAIL, over=True, original=""):
    run = RunRecord("a-run", status, "", BEGAN, Owner("h", 1), original_run_id=original)
    return Rows(run, "name", lambda branch: [one for one in steps if one.branch == branch], Texts(), over=over)


def names(collected):
    return [(row.name, row.parent) for row in collected.rows]


def test_branches_are_between_steps_and_terminal_steps_are_left_out():
    collected = rows(
        step("m", kind="map", branching=Branching(count=2, values=("a", "b"))),
        step("m/0/x"), step("m/0/success", kind="success"), step("m/1/x"), step("success", kind="success"),
    )  # fmt: skip
    assert names(collected) == [("name", -1), ("m", 0), ("a", 1), ("x", 2), ("b", 1), ("x", 4)]
    assert [row.type for row in collected.rows] == ["run", "map", "branch", "task", "branch", "task"]
    assert {str(path) for path in collected.ends} == {"m/0/success", "success"}


def test_a_branch_is_called_by_its_element_and_by_its_number_where_that_says_more():
    values = ("a", "b c", {"d": [1, 2]})
    collected = rows(step("m", kind="map", branching=Branching(count=3, values=values)), step("m/1/x/y"))
    assert [row.name for row in collected.rows[2:]] == ['0 = "a"', '1 = "b c"', '2 = {"d": [1, 2]}']
    collected = rows(step("m", kind="map", branching=Branching(count=2, values=("a", "b"))), step("m/1/x"))
    assert (collected.rows[-1].path, collected.rows[-2].name) == ("m/b/x", "b")


def test_branches_of_a_map_over_mappings_are_called_by_the_keys_that_differ():
    values = (
        {"rate": 0.1, "model": {"depth": 3, "kind": "tree"}},
        {"rate": 0.1, "model": {"depth": 5, "kind": "tree"}},
    )
    collected = rows(step("m", kind="map", branching=Branching(count=2, values=values)), step("m/1/x"))
    assert [row.name for row in collected.rows[1:]] == ["m", "model.depth=3", "model.depth=5", "x"]
    assert [[name for name, _ in row.element] for row in collected.rows[2:4]] == [["model.depth"], ["model.depth"]]
    assert collected.rows[-1].path == "m/1/x"


def test_the_last_value_and_all_values_of_a_metric_that_was_tracked_by_step():
    metrics = {"loss": CountedMetric({2: 0.25, 1: 0.5, 3: math.inf}), "auc": 0.9, "text": CountedMetric({1: "a"})}
    row = rows(step("a", metrics=metrics)).rows[1]
    assert [name for name, _ in row.metrics] == ["loss", "auc", "text"]
    assert row.series == [Series("loss", 3, [(1, 0.5), (2, 0.25), (3, None)])]


def test_the_one_branch_of_a_dag_is_no_row():
    collected = rows(step("d", kind="dag", branching=Branching(names=("dag",))), step("d/dag/x"))
    assert names(collected) == [("name", -1), ("d", 0), ("x", 1)]


def test_what_is_around_steps_spans_them():
    collected = rows(
        step("p", kind="parallel", branching=Branching(names=("a", "b"))),
        step("p/a/x", at=[(1, 2)]), step("p/a/success", kind="success", position=1),
        step("p/b/x", at=[(2, 1), (4, 3)]), step("p/b/success", kind="success", position=1),
    )  # fmt: skip
    assert [(row.start, row.end) for row in collected.rows[1:]] == [
        (1000, 7000),
        (1000, 3000),
        (1000, 3000),
        (2000, 7000),
        (2000, 7000),
    ]


def test_a_step_that_goes_on_began_when_the_one_before_it_ended():
    collected = rows(
        step("a", at=[(0, 1.5)]), step("b", Status.PROCESSING, position=1), status=Status.PROCESSING, over=False
    )
    assert (collected.rows[2].start, collected.rows[2].end, collected.rows[2].status) == (1500, None, "PROCESSING")


def test_what_had_not_ended_when_the_run_was_over_is_lost():
    collected = rows(step("a", Status.PROCESSING), status=Status.PROCESSING)
    assert [row.status for row in collected.rows] == ["LOST", "LOST"]
    assert collected.cause() == 1


def test_the_cause_is_the_step_that_failed_by_itself():
    collected = rows(
        step("handled", Status.FAIL),
        step("m", Status.FAIL, position=2, kind="map", branching=Branching(count=2)),
        step("m/0/x"), step("m/0/success", kind="success", position=1),
        step("m/1/x", Status.FAIL), step("m/1/fail", Status.FAIL, kind="fail", position=1),
        step("fail", Status.FAIL, kind="fail", position=3),
    )  # fmt: skip
    assert collected.rows[collected.cause()].path == "m/1/x"


def test_a_run_that_succeeded_or_goes_on_has_no_cause():
    failed = step("a", Status.FAIL)
    assert rows(failed, status=Status.SUCCESS).cause() is None
    assert rows(failed, status=Status.PROCESSING, over=False).cause() is None
    assert rows().cause() is None


@pytest.mark.parametrize(("original", "reused"), [("before", True), ("", False)])
def test_a_step_without_attempts_in_a_run_that_resumes_another_is_reused(original, reused):
    assert rows(step("a", mock=True), original=original).rows[1].reused is reused


@given(run_records(st.just("a-run")), st.lists(step_records(), max_size=5))
@settings(max_examples=40, deadline=None)
def test_any_records_make_a_page(run, steps):
    kept, catalog = BufferedRunLogStore(BufferedOptions(), Path.cwd()), DoNothingCatalog(DoNothingOptions(), Path.cwd())
    kept.create_run(run)
    for record in steps:
        kept.put_step(run.run_id, record)
    store = SpillingStore(kept, LargeValues(lambda: catalog))
    assert report_html(store.get_run(run.run_id), store, catalog, BEGAN)
