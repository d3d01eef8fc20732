"""Makes series for charts from metrics that were tracked by step, thinned so that the report stays small."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from magnus.app.report.interned_texts import Budget
from magnus.app.report.model import Row, Series
from magnus.run_log.parameters import CountedMetric, Metrics, plain_metric
from magnus.values import Json

_POINTS: Final = Budget(base=8_000, each=20, longest=400)
_LEAST_POINTS: Final = 4
_DIGITS: Final = 6


def last_values(metrics: Metrics) -> Iterator[tuple[str, Json]]:
    """Each metric with its value, or the last value of a metric that has a series."""
    for name, metric in metrics.items():
        yield name, _last(metric) if isinstance(metric, CountedMetric) and _is_drawn(metric) else plain_metric(metric)


def series_of(metrics: Metrics) -> list[Series]:
    """The series of the metrics that were tracked by step, as far as their values are numbers, with all points."""
    counted = ((name, metric) for name, metric in metrics.items() if isinstance(metric, CountedMetric))
    return [Series(name, len(metric.by_step), _points(metric.by_step)) for name, metric in counted if _is_drawn(metric)]


def thin(rows: Sequence[Row]) -> None:
    """Leave out points of long series, so that all series of a report fit into it."""
    every = [series for row in rows for series in row.series]
    limit = max(_LEAST_POINTS, _POINTS.limit([series.count for series in every], len(rows)))
    for series in every:
        series.points = thinned(series.points, limit)


def thinned(points: list[tuple[int, float | None]], most: int) -> list[tuple[int, float | None]]:
    """At most `most` of the points: the first, the last, and the least and the greatest of each stretch between."""
    if len(points) <= most:
        return points
    stretches = max(1, (most - 2) // 2)
    inner = points[1:-1]
    chosen = {0, len(points) - 1}
    for number in range(stretches):
        first, last = number * len(inner) // stretches, (number + 1) * len(inner) // stretches
        finite = [(value, place) for place, (_, value) in enumerate(inner[first:last], first + 1) if value is not None]
        if finite:
            chosen |= {min(finite)[1], max(finite)[1]}
    return [points[place] for place in sorted(chosen)]


def _is_drawn(metric: CountedMetric) -> bool:
    return bool(metric.by_step) and all(_is_number(value) for value in metric.by_step.values())


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _last(metric: CountedMetric) -> Json:
    return metric.by_step[max(metric.by_step)]


def _points(by_step: Mapping[int, Json]) -> list[tuple[int, float | None]]:
    return [(step, _rounded(value)) for step, value in sorted(_numbers(by_step.items()))]


def _numbers(items: Iterable[tuple[int, Json]]) -> Iterator[tuple[int, float]]:
    for step, value in items:
        if isinstance(value, int | float):
            yield step, _as_float(value)


def _as_float(value: float) -> float:
    """The value; infinity for an integer that no float can hold."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _rounded(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
