"""Metrics of a step: a value by name, or measurements that the user counts by step. Pure.

A value may be a mapping whose keys look like numbers, so the two differ by type here and in records, never by shape.
"""

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct

from magnus.values import Json


class CountedMetric(Struct, frozen=True):
    """The measurements of one name, each by the number of the step that the user gave with it, in their order."""

    by_step: Mapping[int, Json]


Metric: TypeAlias = Json | CountedMetric
"""A metric as a record holds it."""
Metrics: TypeAlias = Mapping[str, Metric]
"""The metrics of a step, by name."""


def add_metric(metrics: dict[str, Metric], name: str, value: Json, step: int | None) -> None:
    """Add one measurement to `metrics`; names that differ by case alone are the same metric.

    A measurement with a step is added to the earlier ones with a step, and replaces a value without a step. A
    measurement without a step replaces every earlier one.
    """
    name = _name_in(metrics, name)
    if step is None:
        metrics[name] = value
        return
    counted = metrics.get(name)
    before = counted.by_step if isinstance(counted, CountedMetric) else {}
    metrics[name] = CountedMetric({**before, step: value})


def merged(metrics: Metrics, later: Metrics) -> Metrics:
    """`metrics` with those tracked `later`; counted ones of one name are joined step by step."""
    if not later:
        return metrics
    merged = dict(metrics)
    for name, metric in later.items():
        stored_name = _name_in(merged, name)
        before = merged.get(stored_name)
        if isinstance(metric, CountedMetric) and isinstance(before, CountedMetric):
            merged[stored_name] = CountedMetric({**before.by_step, **metric.by_step})
        else:
            merged[stored_name] = metric
    return merged


def plain_metric(metric: Metric) -> Json:
    """The metric as the run log document shows it: the value, or `{"<step>": value}`."""
    if isinstance(metric, CountedMetric):
        return {str(step): value for step, value in metric.by_step.items()}
    return metric


def plain_metrics(metrics: Metrics) -> dict[str, Json]:
    """All of them, likewise."""
    return {name: plain_metric(metric) for name, metric in metrics.items()}


def counted_from_json(stored: Mapping[str, Json]) -> CountedMetric:
    """The counted metric that `plain_metric` wrote."""
    return CountedMetric({int(step): value for step, value in stored.items()})


def _name_in(metrics: Metrics, name: str) -> str:
    """The name that is there already for it: the same one, or the only one that differs by case alone."""
    if name in metrics or not metrics:
        return name
    folded = name.casefold()
    matches = [stored_name for stored_name in metrics if stored_name.casefold() == folded]
    return matches[0] if len(matches) == 1 else name
