"""Parameters and metrics of runs as cells of a table."""

from math import inf, nan

import pytest

from magnus.app.inspect.list_runs import RunFilter, list_runs
from magnus.app.ui.run_columns import RunColumns, cell, cells, in_order
from magnus.run_log.parameters import CountedMetric
from magnus.run_log.records import Status


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1, 1), (1.5, 1.5), (True, True), ("text", "text"), (2**53, 2**53), (2**53 + 1, str(2**53 + 1)),
        (nan, "NaN"), (inf, "Infinity"), (None, "null"), ([1, 2], "[1, 2]"), ({"a": "ü"}, '{"a": "ü"}'),
    ],
)  # fmt: skip
def test_a_value_is_a_number_or_a_text(value, shown):
    assert cell(value) == shown
    assert type(cell(value)) is type(shown)


def test_long_texts_are_cut():
    assert len(cell("x" * 10_000)) == 200
    assert len(cell(list(range(10_000)))) <= 200


def test_values_in_mappings_have_names_with_dots():
    nested = {"model": {"lr": 0.1, "layers": {"a": {"b": 1}}}, "empty": {}}
    assert dict(cells("params", nested)) == {
        "params.model.lr": 0.1,
        "params.model.layers.a": '{"b": 1}',
        "params.empty": "{}",
    }


def test_of_a_metric_by_steps_the_last_value_counts():
    assert dict(cells("metrics", {"loss": {"9": 0.5, "10": 0.25}})) == {"metrics.loss": 0.25}


def test_numbers_stand_before_texts_and_both_before_nothing():
    values = ["b", 2, None, 1.5, "a", True]
    assert [values[place] for place in in_order(values, ascending=True)] == [True, 1.5, 2, "a", "b", None]
    assert [values[place] for place in in_order(values, ascending=False)] == [2, 1.5, True, "b", "a", None]


def columns_of(runs):
    return RunColumns(runs.store, runs.viewer.working_directory)


def test_the_values_of_a_run_are_those_at_its_end(runs):
    run = runs.run("one", lr=0.1, seed=1)
    runs.step(run, "fit", lr=0.2, metrics={"auc": 0.9, "loss": CountedMetric({0: 1.0, 1: 0.5})})
    [listed] = list_runs(runs.store, RunFilter())
    assert columns_of(runs).of(listed) == {"metrics.auc": 0.9, "metrics.loss": 0.5, "params.lr": 0.2, "params.seed": 1}


def test_those_of_a_finished_run_are_read_once_and_those_of_a_running_one_each_time(runs):
    finished, running = runs.run("finished", x=1), runs.run("running", Status.PROCESSING, x=1)
    columns = columns_of(runs)
    listed = {run.run_id: run for run in list_runs(runs.store, RunFilter())}
    for each in listed.values():
        assert columns.of(each) == {"params.x": 1}
    for run in (finished, running):
        runs.step(run, "fit", x=2)
    assert columns.of(listed["finished"]) == {"params.x": 1}
    assert columns.of(listed["running"]) == {"params.x": 2}


def test_a_run_whose_records_cannot_be_read_has_none(runs):
    runs.run("one", x=1)
    [file] = runs.viewer.working_directory.rglob("one.jsonl")
    [listed] = list_runs(runs.store, RunFilter())
    runs.store.close()
    file.write_text("no record\n")
    assert columns_of(runs).of(listed) == {}


def test_metrics_are_offered_first_and_the_frequent_names_first(runs):
    for number in range(3):
        run = runs.run(f"run-{number}", b=1, **({"a": 1} if number else {}))
        runs.step(run, "fit", metrics={"auc": 0.5})
    listed = list(list_runs(runs.store, RunFilter()))
    assert columns_of(runs).names(listed) == ["metrics.auc", "params.b", "params.a"]


def test_a_masked_parameter_stays_masked(runs):
    run = runs.run("one", password="*****")
    runs.step(run, "fit", password="hunter2")
    [listed] = list_runs(runs.store, RunFilter())
    assert columns_of(runs).of(listed) == {"params.password": "*****"}
