"""The parameters and metrics of several runs side by side: chosen, sorted, and as a table of pandas."""

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Any, Final, Protocol

from msgspec import Struct

from magnus.app.inspect.run_facts import RunFacts
from magnus.errors import InvalidInput, RunLogStoreError, RunNotFound
from magnus.suggest import near
from magnus.values import Json

METRICS: Final = "metrics"
PARAMETERS: Final = "params"


class ComparedRun(RunFacts, Protocol):
    """A run as far as a comparison goes."""

    @property
    def parameters(self) -> Mapping[str, Json]:
        """The parameters at its end."""
        ...

    @property
    def metrics(self) -> Mapping[str, Json]:
        """The metrics at its end."""
        ...


class RunValues(Struct, frozen=True):
    """The parameters and metrics of a run at its end; both empty if they cannot be read."""

    parameters: Mapping[str, Json]
    metrics: Mapping[str, Json]


def values_of(run: ComparedRun) -> RunValues:
    """The parameters and metrics of the run."""
    try:
        return RunValues(run.parameters, run.metrics)
    except (RunLogStoreError, RunNotFound):
        return RunValues({}, {})


def value_at(values: Mapping[str, Json], name: str) -> Json:
    """The value of the name, where dots may lead into mappings; None if there is none."""
    if name in values:
        return values[name]
    first, dot, rest = name.partition(".")
    inner = values.get(first)
    return value_at(inner, rest) if dot and isinstance(inner, dict) else None


def order_of(rows: Sequence[RunValues], name: str, *, ascending: bool) -> Sequence[int]:
    """The numbers of the rows, sorted by a metric, or else a parameter; rows without one come last, in their order.

    Numbers are sorted before text. InvalidInput if no row has the name.
    """
    values = [_metric_or_parameter(row, name) for row in rows]
    if rows and all(value is None for value in values):
        names = dict.fromkeys(name for row in rows for name in (*row.metrics, *row.parameters))
        match = near(name, names)
        raise InvalidInput(
            f"no run that is listed has the metric or parameter '{name}'",
            fix=f"did you mean '{match}'?" if match else "name a metric or a parameter of these runs",
        )
    present = [number for number, value in enumerate(values) if value is not None]
    numbers = sorted((n for n in present if _is_number(values[n])), key=lambda n: values[n], reverse=not ascending)
    others = sorted((n for n in present if not _is_number(values[n])), key=lambda n: str(values[n]))
    return [*numbers, *others, *(number for number, value in enumerate(values) if value is None)]


def _metric_or_parameter(row: RunValues, name: str) -> Json:
    value = value_at(row.metrics, name)
    return value_at(row.parameters, name) if value is None else value


def _is_number(value: Json) -> bool:
    """Whether it is a number; NaN has no place in an order."""
    return isinstance(value, int | float) and not isnan(value)


def frame(runs: Iterable[ComparedRun]) -> Any:
    """A table of pandas with a row for each run; InvalidInput without pandas.

    Its columns are run_id, pipeline, status, tag, start_time, duration (in seconds), then `params.NAME` and `metrics.NAME`.
    """
    try:
        import pandas as pd  # lazy: only tables need it
    except ModuleNotFoundError:
        raise InvalidInput("a table of runs needs the package 'pandas'", fix="pip install pandas") from None
    rows = [_row(run) for run in runs]
    fixed = ("run_id", "pipeline", "status", "tag", "start_time", "duration")
    names = dict.fromkeys(name for row in rows for name in row if name not in fixed)
    columns = (*fixed, *sorted(names, key=lambda name: name.startswith(f"{METRICS}.")))
    return pd.DataFrame(rows, columns=list(columns))


def _row(run: ComparedRun) -> dict[str, Json]:
    values, took = values_of(run), run.duration
    parameters = {name: value for name, value in values.parameters.items() if name not in values.metrics}
    return {
        "run_id": run.run_id,
        "pipeline": run.pipeline,
        "status": run.status.value,
        "tag": run.tag,
        "start_time": run.start_time,
        "duration": None if took is None else took.total_seconds(),
        **{f"{PARAMETERS}.{name}": value for name, value in parameters.items()},
        **{f"{METRICS}.{name}": value for name, value in values.metrics.items()},
    }
