"""Small tables of runs, their steps and their branches for notebooks, in the colours of the page."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, Protocol

from magnus.app.inspect.run_facts import RunFacts
from magnus.app.text import html
from magnus.app.text.object_references import readable
from magnus.app.text.plain_text import plain, short
from magnus.app.text.units import elapsed, size
from magnus.graph.structure import TERMINAL_TYPES
from magnus.run_log.records import RunHealth, RunStatus
from magnus.values import Json

_MOST: Final = 25
_LONGEST_VALUE: Final = 40


class ShownArtifact(Protocol):
    """A file in the catalog, as a page shows it."""

    size: int


class ShownStep(Protocol):
    """A step, as a page shows it."""

    @property
    def name(self) -> str:
        """The name in the pipeline."""
        ...

    @property
    def status(self) -> RunStatus:
        """The status."""
        ...

    @property
    def step_type(self) -> str:
        """The type as it is written."""
        ...

    @property
    def message(self) -> str:
        """The reason of a failure, or ""."""
        ...

    @property
    def attempts(self) -> Collection[object]:
        """The attempts, in order."""
        ...

    @property
    def start_time(self) -> datetime | None:
        """The start; None without an attempt."""
        ...

    @property
    def duration(self) -> timedelta:
        """The time from the start to the end."""
        ...

    @property
    def parameters(self) -> Mapping[str, Json]:
        """The parameters that it set."""
        ...

    @property
    def metrics(self) -> Mapping[str, Json]:
        """The metrics that it tracked."""
        ...

    @property
    def artifacts(self) -> Mapping[str, ShownArtifact]:
        """The files that it put."""
        ...

    @property
    def branches(self) -> "Mapping[str, ShownBranch]":
        """Its branches."""
        ...


class ShownBranch(Protocol):
    """A branch, as a page shows it; `value` is the element of a map."""

    key: str
    value: Json

    @property
    def status(self) -> RunStatus:
        """The status."""
        ...

    @property
    def steps(self) -> Mapping[str, ShownStep]:
        """The steps that started, by name."""
        ...

    @property
    def metrics(self) -> Mapping[str, Json]:
        """The metrics of its steps."""
        ...


class ShownRun(RunFacts, Protocol):
    """A run, as a page shows it."""

    @property
    def message(self) -> str:
        """The reason of a failure, or ""."""
        ...

    @property
    def steps(self) -> Mapping[str, ShownStep]:
        """The steps that started, by name."""
        ...


def runs_html(runs: Sequence[RunFacts]) -> str:
    """The first of the runs as a table."""
    if not runs:
        return "<div>no runs</div>"
    rows = [
        (
            html.text(run.run_id),
            html.text(run.pipeline),
            html.status(run.status.value),
            _time(run),
            _elapsed(run.duration),
            html.text(run.tag),
        )
        for run in islice(runs, _MOST)
    ]
    return html.table(("run", "pipeline", "status", "started (UTC)", "took", "tag"), rows) + _more(len(runs))


def run_html(run: ShownRun) -> str:
    """The run, and its steps as a table."""
    facts = " · ".join(filter(None, (html.text(run.pipeline), _time(run), _elapsed(run.duration), html.text(run.tag))))
    message = f"<div>{html.text(run.message)}</div>" if run.message else ""
    head = f"<div><b>{html.text(run.run_id)}</b> {html.status(run.status.value)} {facts}</div>{message}"
    if run.status is RunHealth.DAMAGED:
        return head
    return head + _steps(run.steps)


def branch_html(branch: ShownBranch) -> str:
    """The branch, and its steps as a table."""
    value = "" if branch.value is None else f" element {html.cut(_value(branch.value))}"
    return f"<div><b>{html.text(branch.key)}</b> {html.status(branch.status.value)}{value}</div>" + _steps(branch.steps)


def step_html(step: ShownStep) -> str:
    """The step with the values that it set, its files, and its branches as a table."""
    attempts = f"{len(step.attempts)} attempts" if len(step.attempts) > 1 else ""
    facts = " · ".join(filter(None, (html.text(step.step_type), _step_time(step), attempts)))
    message = f"<div>{html.text(step.message)}</div>" if step.message else ""
    head = f"<div><b>{html.text(step.name)}</b> {html.status(step.status.value)} {facts}</div>{message}"
    parameters = {name: value for name, value in step.parameters.items() if name not in step.metrics}
    rows = [
        *(("set", html.text(name), html.cut(_value(value))) for name, value in parameters.items()),
        *(("metric", html.text(name), html.cut(_value(value))) for name, value in step.metrics.items()),
        *(("file", html.text(name), size(artifact.size)) for name, artifact in step.artifacts.items()),
    ]
    shown = html.table((), rows[:_MOST]) + _more(len(rows)) if rows else ""
    return head + shown + _branches(step.branches)


def runs_text(runs: Sequence[ShownRun]) -> str:
    """The first of the runs, a line each."""
    lines = [
        f"{run.run_id}  {run.status.value}  {_time(run)}  {plain(run.pipeline)}".rstrip() for run in islice(runs, _MOST)
    ]
    more = [f"and {len(runs) - _MOST} more"] if len(runs) > _MOST else []
    return "\n".join((*lines, *more)) or "no runs"


def _steps(steps: Mapping[str, ShownStep]) -> str:
    """The steps but the ends of the pipeline, which say no more than the status."""
    work = [step for step in steps.values() if step.step_type not in TERMINAL_TYPES.values()]
    rows = [_row(step) for step in work[:_MOST]]
    table = html.table(("step", "status", "took", "set", "metrics", "files"), rows) if rows else ""
    return table + _more(len(work))


def _row(step: ShownStep) -> tuple[str, ...]:
    own = {name: value for name, value in step.parameters.items() if name not in step.metrics}
    texts = (_short(f"{name} = {_value(value)}" for name, value in values.items()) for values in (own, step.metrics))
    message = f"<br><small>{html.cut(step.message)}</small>" if step.message else ""
    status = html.status(step.status.value) + message
    return (html.text(step.name), status, _step_time(step), *texts, _short(step.artifacts))


def _branches(branches: "Mapping[str, ShownBranch]") -> str:
    if not branches:
        return ""
    rows = [
        (
            html.text(branch.key),
            "" if branch.value is None else html.cut(_value(branch.value)),
            html.status(branch.status.value),
            _short(f"{name} = {_value(value)}" for name, value in branch.metrics.items()),
        )
        for branch in islice(branches.values(), _MOST)
    ]
    return html.table(("branch", "element", "status", "metrics"), rows) + _more(len(branches))


def _more(count: int) -> str:
    return f"<div>and {count - _MOST} more</div>" if count > _MOST else ""


def _time(run: RunFacts) -> str:
    return run.start_time.isoformat(" ")[:19] if run.start_time else ""


def _step_time(step: ShownStep) -> str:
    return _elapsed(step.duration) if step.start_time else ""


def _elapsed(duration: timedelta | None) -> str:
    if duration is None:
        return ""
    return f'<span style="white-space:nowrap">{elapsed(duration.total_seconds())}</span>'


def _short(texts: Iterable[str]) -> str:
    return html.cut(", ".join(texts))


def _value(value: Json) -> str:
    shown = readable(value)
    if isinstance(shown, str) and not isinstance(value, str):
        return shown  # a reference to an object
    return short(json.dumps(shown, ensure_ascii=False, default=str), _LONGEST_VALUE)
