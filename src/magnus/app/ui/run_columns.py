"""The parameters and metrics of runs as cells of a table; values of finished runs are read once."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from math import isfinite
from pathlib import Path
from threading import Lock
from typing import Final

from magnus.app.inspect.list_runs import ListedRun
from magnus.app.inspect.redaction import Redactor
from magnus.app.inspect.run_object import Run
from magnus.app.inspect.run_values import METRICS, PARAMETERS
from magnus.app.text.object_references import readable
from magnus.app.text.plain_text import short
from magnus.engine.secrets.masking import MASK
from magnus.errors import RunLogStoreError, RunNotFound
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.parameters import argument_reference
from magnus.run_log.records import ENDED, RunHealth
from magnus.values import Json

Cell = str | int | float | bool
"""A number, or a value as text."""

_LONGEST: Final = 200
_MOST_CELLS: Final = 200
_DEEPEST: Final = 3
_LARGEST_EXACT: Final = 2**53
_SAMPLE: Final = 100
"""The newest runs whose names of parameters and metrics are offered as columns."""


def cell(value: Json) -> Cell:
    """The value as a cell; a number that a browser cannot hold is text."""
    match value:
        case bool():
            return value
        case int() if abs(value) <= _LARGEST_EXACT:
            return value
        case float() if isfinite(value):
            return value
        case str():
            return short(value, _LONGEST)
        case _:
            return short(json.dumps(readable(value), ensure_ascii=False, default=str), _LONGEST)


def cells(prefix: str, values: Mapping[str, Json], depth: int = 1) -> Iterator[tuple[str, Cell]]:
    """The values as cells, by names such as `metrics.auc`; values in mappings have names with more dots.

    Of a metric that was tracked at steps, the last value counts.
    """
    for name, value in values.items():
        place = f"{prefix}.{name}"
        if isinstance(value, dict) and _is_counted(value):
            yield place, cell(value[max(value, key=int)])
        elif isinstance(value, dict) and value and depth < _DEEPEST and argument_reference(value) is None:
            yield from cells(place, value, depth + 1)
        else:
            yield place, cell(value)


def _is_counted(value: Mapping[str, Json]) -> bool:
    """Whether it may be a metric by steps, as `plain_metric` writes it."""
    return bool(value) and all(name.removeprefix("-").isdecimal() and name.isascii() for name in value)


class RunColumns:
    """Reads the cells of runs."""

    def __init__(self, store: RunLogStore, working_directory: Path) -> None:
        self._store = store
        self._working_directory = working_directory
        self._finished: dict[tuple[str, datetime | None], Mapping[str, Cell]] = {}
        self._names: Counter[str] = Counter()
        self._lock = Lock()

    def of(self, run: ListedRun) -> Mapping[str, Cell]:
        """The cells of the run by name; none if its records cannot be read."""
        key = (run.run_id, run.start_time)
        stored = self._finished.get(key)
        if stored is not None:
            return stored
        if run.status is RunHealth.DAMAGED:
            return {}
        try:
            read = self._read(run.run_id)
        except (RunLogStoreError, RunNotFound):
            return {}
        if run.status in ENDED or run.status in RunHealth:
            with self._lock:
                if self._finished.setdefault(key, read) is read:
                    self._names.update(read.keys())
        return read

    def names(self, runs: Sequence[ListedRun]) -> Sequence[str]:
        """The names that columns can have, metrics first; the frequent ones first."""
        running: set[str] = set()
        for run in runs[:_SAMPLE]:
            running.update(self.of(run))
        with self._lock:
            names = {*running, *self._names}
            return sorted(names, key=lambda name: (not name.startswith(f"{METRICS}."), -self._names[name], name))

    def _read(self, run_id: str) -> Mapping[str, Cell]:
        record = self._store.get_run(run_id)
        run = Run(record, self._store, self._working_directory)
        masked = Redactor(record).names
        metrics = run.metrics
        parameters = {
            name: MASK if name in masked else value for name, value in run.parameters.items() if name not in metrics
        }
        named = (*cells(METRICS, metrics), *cells(PARAMETERS, parameters))
        return dict(named[:_MOST_CELLS])


def in_order(values: Sequence[Cell | None], *, ascending: bool) -> Sequence[int]:
    """The numbers of the values, sorted: numbers before texts, and places without a value last."""
    numbers, texts = [], []
    for place, value in enumerate(values):
        if isinstance(value, str):
            texts.append(place)
        elif value is not None:
            numbers.append(place)

    def by_value(places: Iterable[int]) -> list[int]:
        return sorted(places, key=lambda place: values[place], reverse=not ascending)  # type: ignore[arg-type, return-value]

    return [*by_value(numbers), *by_value(texts), *(place for place, value in enumerate(values) if value is None)]
