"""Metrics that are counted by step and metrics that are mappings stay what they are."""

import pytest

from magnus.run_log.codec import from_bytes, step_from_json, step_to_json, to_bytes
from magnus.run_log.parameters import CountedMetric, add_metric, merged, plain_metrics
from magnus.testing.records import step_record

COUNTED = CountedMetric({0: 1, 2: {"a": 1}})


@pytest.mark.parametrize("metrics", [{"a": {"0": 1, "2": 3}}, {"a": COUNTED, "b": {"0": 1}, "c": 0.5}, {}])
def test_a_record_tells_them_apart(metrics):
    from msgspec.structs import replace

    record = replace(step_record(), metrics=metrics)
    stored = from_bytes(to_bytes(step_to_json(record)))
    assert step_from_json(stored).metrics == metrics
    assert list(step_from_json(stored).metrics) == list(metrics)


def test_they_look_the_same_in_the_document():
    assert plain_metrics({"a": COUNTED, "b": {"0": 1}}) == {"a": {"0": 1, "2": {"a": 1}}, "b": {"0": 1}}


def test_measurements_join_those_that_are_counted_and_replace_others():
    metrics = {}
    add_metric(metrics, "Loss", 1, 0)
    add_metric(metrics, "loss", 2, 1)
    assert metrics == {"Loss": CountedMetric({0: 1, 1: 2})}
    add_metric(metrics, "LOSS", {"0": 3}, None)
    assert metrics == {"Loss": {"0": 3}}
    add_metric(metrics, "loss", 4, 0)
    assert metrics == {"Loss": CountedMetric({0: 4})}


def test_metrics_of_two_attempts():
    first = {"a": {"0": 1}, "b": CountedMetric({0: 1, 1: 1}), "c": CountedMetric({0: 1})}
    later = {"A": {"1": 2}, "b": CountedMetric({1: 2}), "c": {"x": 1}}
    assert merged(first, later) == {"a": {"1": 2}, "b": CountedMetric({0: 1, 1: 2}), "c": {"x": 1}}
    assert merged(first, {}) is first
