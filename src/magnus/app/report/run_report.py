"""Collects all that a page shows of a run into one `Report`, as the run stands at a moment."""

from collections.abc import Sequence
from datetime import datetime

from magnus.app.draw.data_names import DataNames, joined
from magnus.app.inspect.damage import damage
from magnus.app.inspect.redaction import WHY_NO_LOG, Redactor
from magnus.app.inspect.run_state import state_of
from magnus.app.inspect.step_code import recorded_code
from magnus.app.report.interned_texts import Logs, Texts
from magnus.app.report.metric_series import thin
from magnus.app.report.model import Drawing, Log, Report, Row
from magnus.app.report.pictures import DEFAULT_BUDGET, Pictures
from magnus.app.report.pipeline_drawings import drawings
from magnus.app.report.report_head import report_head
from magnus.app.report.rows import Rows
from magnus.app.report.step_definitions import Definitions, pipeline_of
from magnus.engine.rules import scope as scopes
from magnus.graph.nodes import Graph
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.next_commands import next_commands
from magnus.run_log.records import RunRecord, Status, StepRecord


def run_report(
    run: RunRecord,
    store: RunLogStore,
    catalog: Catalog | None,
    now: datetime,
    *,
    most_pictures: int = DEFAULT_BUDGET,
    with_output: bool = True,
) -> Report:
    """The report of the run as it stands `now`; pictures and notebooks take at most `most_pictures` bytes of the catalog.

    While a run still runs it may be called again and again: a row has the same name and the same rows around it each time.
    Without a catalog there are no output, pictures and notebooks; `with_output` says whether logs are read.
    """
    pipeline, texts = pipeline_of(run), Texts()
    redactor = Redactor(run)

    def steps_of(branch: BranchPath) -> Sequence[StepRecord]:
        return [redactor.redacted(step) for step in store.list_steps(run.run_id, branch)]

    state = state_of(run)
    name = (pipeline.graph.name if pipeline else "") or str(run.run_config.get("pipeline_file") or run.run_id)
    rows = Rows(run, name, steps_of, texts, over=state.is_over)
    definitions = Definitions(pipeline, recorded_code(run.run_config) or {})
    _add_definitions(rows, definitions)
    thin(rows.rows)
    pictures = Pictures(catalog, most_pictures)
    if catalog is not None:
        if with_output:
            _add_logs(rows, None if redactor.names else Logs(catalog, run.run_id))
        pictures.add(() if redactor.names else rows.rows)
    final = {**run.parameters, **scopes.folded_own(steps_of(BranchPath())).parameters}
    commands = next_commands(run, state.status, steps_of)
    head = report_head(run, rows, texts, now, message=state.message, next_commands=commands, pipeline=pipeline)
    head.damage = "\n".join(damage(store, run, state).lines())
    head.initial, head.final = texts.parameters(run.parameters), texts.parameters(final)
    return Report(
        head,
        rows.rows,
        definitions.definitions,
        texts.fitting(len(rows.rows)),
        [] if pipeline is None else _drawings(pipeline.graph, rows, definitions),
        pictures.images,
        pictures.notebooks,
    )


def _add_definitions(rows: Rows, definitions: Definitions) -> None:
    """Give each step its definition, and say which branches have one step."""
    for row, path in zip(rows.rows, rows.paths, strict=True):
        if path is not None:
            row.definition = definitions.number(path)
            around = rows.rows[row.parent]
            if around.type == "branch":
                around.single = definitions.is_alone(path)


def _drawings(graph: Graph, rows: Rows, definitions: Definitions) -> list[Drawing]:
    steps: dict[StepPath, list[Row]] = {}
    for row, path in zip(rows.rows, rows.paths, strict=True):
        drawn = None if path is None else definitions.drawn(path)
        if drawn is not None:
            steps.setdefault(drawn, []).append(row)
    ends = {drawn for path in rows.ends if (drawn := definitions.drawn(path)) is not None}
    data: dict[StepPath, list[DataNames]] = {}
    for path, names in rows.data.items():
        if (drawn := definitions.drawn(path)) is not None:
            data.setdefault(drawn, []).append(names)
    return drawings(graph, steps, ends, {path: joined(many) for path, many in data.items()})


def _add_logs(rows: Rows, logs: Logs | None) -> None:
    """Give each task the end of its log; None says that logs may not be shown."""
    around = {row.parent for row in rows.rows}
    tasks = [
        (row, path)
        for number, (row, path) in enumerate(zip(rows.rows, rows.paths, strict=True))
        if path is not None and number not in around
    ]
    if logs is None:
        for row, _ in tasks:
            row.log = Log(WHY_NO_LOG)
        return
    steps = [(path, row.status not in {Status.SUCCESS, Status.PROCESSING}) for row, path in tasks]
    for (row, _), log in zip(tasks, logs.ends(steps, len(rows.rows)), strict=True):
        row.log = log
