"""Small tables of runs for notebooks, in the colours of the page."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from html import escape
from itertools import islice
from typing import Final, Protocol

from magnus.app.inspect.run_facts import RunFacts
from magnus.app.inspect.step_objects import Step
from magnus.app.text.palette import HTML, style_of
from magnus.app.text.plain_text import plain, short
from magnus.app.text.units import elapsed
from magnus.run_log.records import RunHealth, RunStatus
from magnus.values import Json

_MOST: Final = 25
_LONGEST: Final = 80
_LONGEST_VALUE: Final = 40
_TABLE: Final = "border-collapse:collapse;color:inherit;font-size:inherit"
_CELL: Final = "text-align:left;vertical-align:top;padding:2px 12px 2px 0"


class ShownRun(RunFacts, Protocol):
    """A run, as a page shows it."""

    @property
    def message(self) -> str:
        """The reason of a failure, or ""."""
        ...

    @property
    def steps(self) -> Mapping[str, Step]:
        """The steps that started, by name."""
        ...


def runs_html(runs: Sequence[RunFacts]) -> str:
    """The first of the runs as a table."""
    rows = [
        (
            _text(run.run_id),
            _text(run.pipeline),
            _status(run.status),
            _time(run),
            _elapsed(run.duration),
            _text(run.tag),
        )
        for run in islice(runs, _MOST)
    ]
    more = f"<div>and {len(runs) - _MOST} more</div>" if len(runs) > _MOST else ""
    return _table(("run", "pipeline", "status", "started (UTC)", "took", "tag"), rows) + more


def run_html(run: ShownRun) -> str:
    """The run, and its steps as a table."""
    facts = " · ".join(filter(None, (_text(run.pipeline), _time(run), _elapsed(run.duration), _text(run.tag))))
    message = f"<div>{_text(run.message)}</div>" if run.message else ""
    head = f"<div><b>{_text(run.run_id)}</b> {_status(run.status)} {facts}</div>{message}"
    if run.status is RunHealth.DAMAGED:
        return head
    steps = run.steps
    rows = [_row(step) for step in islice(steps.values(), _MOST)]
    more = f"<div>and {len(steps) - _MOST} more</div>" if len(steps) > _MOST else ""
    return head + (_table(("step", "status", "took", "set", "metrics", "artifacts"), rows) if rows else "") + more


def runs_text(runs: Sequence[ShownRun]) -> str:
    """The first of the runs, a line each."""
    lines = [
        f"{run.run_id}  {run.status.value}  {_time(run)}  {plain(run.pipeline)}".rstrip() for run in islice(runs, _MOST)
    ]
    more = [f"and {len(runs) - _MOST} more"] if len(runs) > _MOST else []
    return "\n".join((*lines, *more)) or "no runs"


def _row(step: Step) -> tuple[str, ...]:
    texts = (
        _short(f"{name} = {_value(value)}" for name, value in values.items())
        for values in (step.parameters, step.metrics)
    )
    took = _elapsed(step.duration) if step.start_time else ""
    message = f"<br><small>{_cut(step.message)}</small>" if step.message else ""
    return (_text(step.name), _status(step.status) + message, took, *texts, _short(step.artifacts))


def _table(headings: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML already."""
    head = "".join(f'<th style="{_CELL}">{heading}</th>' for heading in headings)
    body = "".join(f"<tr>{''.join(_cells(row))}</tr>" for row in rows)
    return f'<table style="{_TABLE}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cells(row: Sequence[str]) -> Iterator[str]:
    for cell in row:
        yield f'<td style="{_CELL}">{cell}</td>'


def _status(status: RunStatus) -> str:
    return f'<span style="color:{HTML[style_of(status)]};font-weight:600">{status.value}</span>'


def _time(run: RunFacts) -> str:
    return run.start_time.isoformat(" ")[:19] if run.start_time else ""


def _elapsed(duration: timedelta | None) -> str:
    return "" if duration is None else elapsed(duration.total_seconds())


def _text(text: str) -> str:
    return escape(plain(text))


def _short(texts: Iterable[str]) -> str:
    return _cut(", ".join(texts))


def _value(value: Json) -> str:
    return short(json.dumps(value, ensure_ascii=False, default=str), _LONGEST_VALUE)


def _cut(text: str) -> str:
    return escape(short(plain(text), _LONGEST))
