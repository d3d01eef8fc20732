"""Runs as notebooks show them: small tables that take the colours of the page. Used by `app.runs`."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Final

from magnus.run_log.records import Status
from magnus.run_log.summary import Gone, RunStatus

if TYPE_CHECKING:
    from magnus.app.runs import Run, Step

_MOST: Final = 25
_LONGEST: Final = 80
_COLOURS: Final = {Status.SUCCESS: "#2e9e4f", Status.FAIL: "#d9453c", Gone.DAMAGED: "#d9453c", Gone.LOST: "#c0840c"}
_OTHER: Final = "#3b82d6"
_TABLE: Final = "border-collapse:collapse;color:inherit;font-size:inherit"
_CELL: Final = "text-align:left;vertical-align:top;padding:2px 12px 2px 0"


def runs_html(runs: "Sequence[Run]") -> str:
    """The first of the runs as a table."""
    rows = [
        (
            escape(run.run_id),
            escape(run.pipeline),
            _status(run.status),
            _time(run),
            _took(run.duration),
            escape(run.tag),
        )
        for run in islice(runs, _MOST)
    ]
    more = f"<div>and {len(runs) - _MOST} more</div>" if len(runs) > _MOST else ""
    return _table(("run", "pipeline", "status", "started (UTC)", "took", "tag"), rows) + more


def run_html(run: "Run") -> str:
    """The run, and its steps as a table."""
    facts = " · ".join(filter(None, (escape(run.pipeline), _time(run), _took(run.duration), escape(run.tag))))
    message = f"<div>{escape(run.message)}</div>" if run.message else ""
    head = f"<div><b>{escape(run.run_id)}</b> {_status(run.status)} {facts}</div>{message}"
    if run.status is Gone.DAMAGED:
        return head
    steps = run.steps
    rows = [_row(step) for step in islice(steps.values(), _MOST)]
    more = f"<div>and {len(steps) - _MOST} more</div>" if len(steps) > _MOST else ""
    return head + (_table(("step", "status", "took", "set", "metrics", "artifacts"), rows) if rows else "") + more


def runs_text(runs: "Sequence[Run]") -> str:
    """The first of the runs, a line each."""
    lines = [f"{run.run_id}  {run.status.value}  {_time(run)}  {run.pipeline}".rstrip() for run in islice(runs, _MOST)]
    more = [f"and {len(runs) - _MOST} more"] if len(runs) > _MOST else []
    return "\n".join((*lines, *more)) or "no runs"


def _facts(run: "Run") -> Iterator[str]:
    yield _status(run.status)
    for text in (_time(run), _took(run.duration)):
        yield f'<span style="white-space:nowrap">{text}</span>'


def _row(step: "Step") -> tuple[str, ...]:
    values = (
        _short(f"{name} = {value!r}" for name, value in found.items()) for found in (step.parameters, step.metrics)
    )
    took = _took(step.duration) if step.attempts else ""
    message = f"<br><small>{_cut(step.message)}</small>" if step.message else ""
    return (escape(step.name), _status(step.status) + message, took, *values, _short(step.artifacts))


def _table(headings: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML already."""
    head = "".join(f'<th style="{_CELL}">{heading}</th>' for heading in headings)
    body = "".join(f"<tr>{''.join(_cells(row))}</tr>" for row in rows)
    return f'<table style="{_TABLE}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cells(row: Sequence[str]) -> Iterator[str]:
    for cell in row:
        yield f'<td style="{_CELL}">{cell}</td>'


def _status(status: RunStatus) -> str:
    return f'<span style="color:{_COLOURS.get(status, _OTHER)};font-weight:600">{status.value}</span>'


def _time(run: "Run") -> str:
    return run.start_time.isoformat(" ")[:19] if run.start_time else ""


def _took(duration: timedelta | None) -> str:
    if duration is None:
        return ""
    seconds = duration.total_seconds()
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s" if seconds < 60 else str(duration)[:-7]


def _short(texts: Iterable[str]) -> str:
    return _cut(", ".join(texts))


def _cut(text: str) -> str:
    return escape(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")
