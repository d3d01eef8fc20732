"""Pipelines and steps as HTML for notebooks, which show an object at the end of a cell."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from magnus.app.draw.notebook_picture import picture
from magnus.app.run.load_pipeline import examine_pipeline
from magnus.app.text import html
from magnus.app.text.palette import Style
from magnus.definition.built_pipeline import PipelineObject
from magnus.errors import MagnusError, Problem, in_order
from magnus.values import Json

_NOT_LISTED: Final = frozenset({"type", "command_type", "next", "on_failure"})


def pipeline_html(pipeline: PipelineObject) -> str:
    """The picture of the pipeline; of one with mistakes these."""
    built = pipeline.__magnus_pipeline__()
    try:
        examination = examine_pipeline(built.document.file, built, dict(os.environ), Path.cwd())
    except MagnusError as error:
        return _problems(error.problems)
    if examination.pipeline is None:
        return _problems(problem for problem in examination.problems if problem.severity == "error")
    return picture(examination.pipeline.graph)


def step_html(name: str, alone: PipelineObject) -> str:
    """The fields of the step as YAML has them, and the picture of its branches; `alone` is a pipeline of it alone."""
    step = alone.__magnus_pipeline__().document.value["dag"]["steps"].get(name, {})
    kind = step.get("command_type") or step.get("type", "")
    head = f"<div><b>{html.text(name)}</b> {html.text(str(kind))}</div>"
    if "command" not in step and _has_branches(step):
        return head + pipeline_html(alone)
    rows = [(html.text(field), html.cut(_shown(value))) for field, value in step.items() if field not in _NOT_LISTED]
    return head + (html.table((), rows) if rows else "")


def _has_branches(step: dict[str, Json]) -> bool:
    return not {"branch", "branches", "dag", "dag_definition"}.isdisjoint(step)


def _shown(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _problems(problems: Iterable[Problem]) -> str:
    """The mistakes, as errors show them."""
    lines = (line for problem in in_order(problems) for line in str(problem).split("\n"))
    return html.lines([(line, Style.PLAIN)] for line in lines)
