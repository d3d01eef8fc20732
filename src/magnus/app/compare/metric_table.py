"""The metrics that differ between two runs as rows with the change of each number. Used by `lines`."""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import UNSET, Struct

from magnus.app.compare.model import Change, StepDifference, leaf_changes
from magnus.values import Json

_MOST_LEAVES: Final = 5
_LARGE: Final = 1000
_TOO_LARGE: Final = 10**300
"""Larger integers are shown as they are, since they may be no floating-point numbers."""


class MetricRow(Struct, frozen=True):
    """A number that differs: its step, its name, and both values; None if the run has none. `more` counts left out values."""

    step: str
    name: str
    before: float | None
    after: float | None
    more: int = 0

    @property
    def delta(self) -> str:
        """The change with its sign, and in percent where that means something."""
        if self.before is None or self.after is None:
            return ""
        delta = self.after - self.before
        share = f" ({delta / abs(self.before):+.1%})" if self.before and abs(delta / self.before) < _LARGE else ""
        return f"{delta:+.6g}{share}"


def metric_rows(steps: Sequence[StepDifference]) -> list[MetricRow]:
    """A row for each number; of a metric with many numbers, such as one for each step of a training, the last one."""
    rows: list[MetricRow] = []
    for step in steps:
        for change in step.changes:
            if is_numeric(change):
                leaves = list(leaf_changes(change))
                shown = leaves if len(leaves) <= _MOST_LEAVES else leaves[-1:]
                more = len(leaves) - len(shown)
                path = step.second or step.first
                rows += [MetricRow(path, leaf.what, _number(leaf.before), _number(leaf.after), more) for leaf in shown]
    return rows


def is_numeric(change: Change) -> bool:
    """Whether it is a metric whose differing values are all numbers."""
    return change.kind == "metric" and all(_is_number(value) for leaf in leaf_changes(change) for value in _sides(leaf))


def _sides(change: Change) -> Iterator[Json]:
    yield from (value for value in (change.before, change.after) if value is not UNSET)


def _is_number(value: Json) -> bool:
    return isinstance(value, float) or (
        isinstance(value, int) and not isinstance(value, bool) and abs(value) < _TOO_LARGE
    )


def _number(value: Json) -> float | None:
    return None if value is UNSET else float(value)
