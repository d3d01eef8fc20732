"""The runs of `magnus runs`, as a table and as JSON."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from magnus.app.inspect.damage import skipped_lines
from magnus.app.inspect.list_runs import ListedRun
from magnus.app.inspect.run_values import METRICS, PARAMETERS, RunValues, value_at
from magnus.cli.text import values
from magnus.cli.text.styled_text import Row, table
from magnus.run_log.records import ENDED, Status
from magnus.values import Json

_HEADINGS = ("run", "pipeline", "status", "started (UTC)", "took", "tag")
_CUT = ((1, 5), (0,))
"""The columns to cut: the pipeline and the tag, then the run id."""


class ValueColumns(Struct, frozen=True):
    """Columns with values of runs.

    Attributes:
        names: METRICS or PARAMETERS, and a name, for each column.
        values_of: reads the values of a run.
    """

    names: Sequence[tuple[str, str]] = ()
    values_of: Callable[[ListedRun], RunValues] = lambda _run: RunValues({}, {})

    def cells(self, run: ListedRun) -> Sequence[Json]:
        """The values of the run, None where it has none."""
        if not self.names:
            return ()
        row = self.values_of(run)
        return [value_at(row.metrics if kind == METRICS else row.parameters, name) for kind, name in self.names]


def columns_of(
    metrics: Iterable[str], parameters: Iterable[str], values_of: Callable[[ListedRun], RunValues]
) -> ValueColumns:
    """The columns of the names; each text may hold several names with commas between them."""
    written = ((METRICS, metrics), (PARAMETERS, parameters))
    names = [(kind, name) for kind, texts in written for text in texts for name in text.split(",") if name]
    return ValueColumns(names, values_of)


def as_table(runs: Sequence[ListedRun], now: datetime, columns: ValueColumns) -> str:
    """The runs under headings, or "" for none."""
    rows: list[Row] = [
        (
            run.run_id,
            run.pipeline,
            (run.status.value, values.style(run.status)),
            values.minute(run.start_time),
            values.duration(run.duration(now)),
            run.tag,
            *map(_shown, columns.cells(run)),
        )
        for run in runs
    ]
    return table((*_HEADINGS, *(name for _, name in columns.names)), rows, cut=_CUT) if rows else ""


def as_json(runs: Iterable[ListedRun], columns: ValueColumns) -> str:
    """A list, one line for each run; with columns, `metrics` and `params` have their values."""
    lines = ",\n".join(msgspec.json.encode(_as_json(run, columns)).decode() for run in runs)
    return f"[\n{lines}\n]\n" if lines else "[]\n"


def _as_json(run: ListedRun, columns: ValueColumns) -> Mapping[str, Json]:
    if not columns.names:
        return run.as_json()
    chosen: dict[str, dict[str, Json]] = {METRICS: {}, PARAMETERS: {}}
    for (kind, name), value in zip(columns.names, columns.cells(run), strict=True):
        chosen[kind][name] = value
    return {**run.as_json(), **chosen}


def _shown(value: Json) -> str:
    return "" if value is None else values.text_of(value)


def remarks(runs: Sequence[ListedRun], *, is_cut: bool, is_filtered: bool) -> Iterator[str]:
    """Lines with facts that are not in the table."""
    for run in runs:
        if run.problem:
            yield f"damaged: {run.problem}"
        elif run.last_heard is not None:
            yield f"{run.run_id}: {values.last_heard(run.last_heard, run.workflow)}"
        for line in skipped_lines(run.skipped or ()):
            yield f"damaged: {run.run_id}: {line}"
    unfinished = [run for run in runs if run.status in Status and run.status not in ENDED and run.message]
    yield from (f"{run.run_id}: {run.message}" for run in unfinished if run.has_jobs)
    unknown = [run for run in unfinished if not run.has_jobs]
    if unknown:
        rest = f" and {len(unknown) - 1} more" if unknown[1:] else ""
        yield f"{unknown[0].run_id}{rest}: {unknown[0].message}"
    if is_cut:
        yield f"there are more than these {len(runs)}; --limit 0 lists all"
    if not runs:
        yield "no run matches" if is_filtered else "there are no runs yet"
