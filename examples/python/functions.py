"""Plain functions: nothing of magnus in them."""

from dataclasses import dataclass


@dataclass
class Fit:
    slope: float
    intercept: float


def clean(values: list[float], limit: float = 100.0):
    return {"kept": [value for value in values if value < limit]}


def fit(kept: list[float]) -> Fit:
    steps = [later - earlier for earlier, later in zip(kept, kept[1:], strict=False)]
    return Fit(slope=sum(steps) / len(steps), intercept=kept[0])


def score(slope: float, intercept: float, kept: list[float]):
    errors = [abs(slope * n + intercept - value) for n, value in enumerate(kept)]
    return max(errors)
