"""Series of metrics in a report: which there are, and how few points they keep."""

from hypothesis import given
from hypothesis import strategies as st

from magnus.app.report.metric_series import last_values, series_of, thin, thinned
from magnus.app.report.model import Row, Series
from magnus.run_log.parameters import CountedMetric

POINTS = st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), max_size=300).map(lambda values: list(enumerate(values)))


@given(POINTS, st.integers(4, 80))
def test_a_thinned_series_keeps_its_ends_and_its_extremes(points, most):
    kept = thinned(points, most)
    assert len(kept) <= max(most, min(len(points), 4))
    assert kept == sorted(kept, key=lambda point: point[0])
    assert set(kept) <= set(points)
    if points:
        assert (kept[0], kept[-1]) == (points[0], points[-1])
    finite = [value for _, value in points if value is not None]
    if finite:
        values = [value for _, value in kept if value is not None]
        assert (min(values), max(values)) == (min(finite), max(finite))


def test_all_series_of_a_large_run_fit_together():
    points = [(number, float(number)) for number in range(1_000)]
    rows = [
        Row(0, f"s{number}", "task", "SUCCESS", series=[Series("loss", 1_000, list(points))]) for number in range(200)
    ]
    thin(rows)
    assert sum(len(row.series[0].points) for row in rows) <= 10_000
    assert {row.series[0].count for row in rows} == {1_000}


def test_only_numbers_by_step_are_a_series():
    metrics = {"a": 1.0, "b": CountedMetric({1: 2, 0: True}), "c": CountedMetric({5: 10**400, 2: 0.123456789})}
    assert series_of(metrics) == [Series("c", 2, [(2, 0.123457), (5, None)])]
    assert dict(last_values(metrics)) == {"a": 1.0, "b": {"1": 2, "0": True}, "c": 10**400}
