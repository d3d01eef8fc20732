"""Converts parameters and metrics of magnus for MLflow: names, numbers, texts. Pure; used by `mlflow`."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from msgspec import Struct, field

from magnus.run_log.parameters import CountedMetric, Metrics, plain_metric
from magnus.values import Json

LONGEST_NAME: Final = 250
LONGEST_PARAMETER: Final = 6000
LONGEST_TAG: Final = 5000
"""In characters, as `mlflow.utils.validation` has them; older servers take no longer tags than this."""

_NOT_IN_NAMES: Final = re.compile(r"[^\w.\- /]")
_AT_THE_FRONT: Final = re.compile(r"(?:^|(?<=/))\.+")
"""Dots that would change the path of the name."""
_MOST_STEPS: Final = 2**63

ItemT = TypeVar("ItemT")


class Measurements(Struct, frozen=True):
    """Metrics: `numbers` as (name, value, step), and `texts`, what is no number, by name."""

    numbers: list[tuple[str, float, int]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)


def name_of(parts: Iterable[str]) -> str:
    """The parts as a name that MLflow takes: joined by `/`, other characters replaced, cut at the front."""
    named = "/".join(filter(None, (_NOT_IN_NAMES.sub("_", part).strip("/") for part in "/".join(parts).split("/"))))
    return _AT_THE_FRONT.sub("_", named[-LONGEST_NAME:].lstrip("/")) or "_"


def leaves(parameters: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """The parameters with those inside mappings under dotted names, by which MLflow can compare runs."""
    for name, value in parameters.items():
        if isinstance(value, dict) and value:
            yield from leaves({f"{name}.{key}": inner for key, inner in value.items()})
        else:
            yield name, value


def text_of(value: Json) -> str:
    """A value as text: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def cut(text: str, longest: int) -> str:
    """The text, or its beginning with an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def measurements_of(metrics: Metrics, *, within: Sequence[str] = ()) -> Measurements:
    """The metrics of a step, with the names of `within` as a prefix; a mapping is a metric for each of its keys."""
    measurements = Measurements()
    for name, metric in metrics.items():
        if not isinstance(metric, CountedMetric):
            _measure(measurements, (*within, name), metric, 0)
        elif all(-_MOST_STEPS <= step < _MOST_STEPS for step in metric.by_step):
            for step, value in metric.by_step.items():
                _measure(measurements, (*within, name), value, step)
        else:
            _measure(measurements, (*within, name), plain_metric(metric), 0)
    return measurements


def _measure(measurements: Measurements, name: tuple[str, ...], value: Json, step: int) -> None:
    number = _number(value)
    if number is not None:
        measurements.numbers.append((name_of(name), number, step))
    elif isinstance(value, dict) and value:
        for key, part in value.items():
            _measure(measurements, (*name, key), part, step)
    else:
        measurements.texts[name_of(name)] = cut(text_of(value), LONGEST_TAG)


def _number(value: Json) -> float | None:
    if not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def chunks(items: Sequence[ItemT], most: int) -> Iterator[Sequence[ItemT]]:
    """The items in order, no more than `most` at a time."""
    for start in range(0, len(items), most):
        yield items[start : start + most]
