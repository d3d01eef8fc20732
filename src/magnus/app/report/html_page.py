"""The page of a report: one HTML file that shows a run and loads nothing."""

from typing import Final

from magnus.app.draw.style import style as picture_style
from magnus.app.report.html_document import document, json_of, part, script_of
from magnus.app.report.model import Report

_DRAWING: Final = (
    "base.js",
    "theme.js",
    "run.js",
    "timeline.js",
    "listing.js",
    "steps.js",
    "chart.js",
    "metrics.js",
    "pictures.js",
    "details.js",
    "viewport.js",
    "graph.js",
    "paper.js",
    "start.js",
)
"""The scripts that draw a run from a `Report`; another script calls `new RunPage().show(report)` whenever it has one."""

PICTURES: Final = "img-src data:"
"""The directive of the policy by which pictures in the data are shown."""


def page(report: Report) -> str:
    """The HTML of a report that stands in the page itself."""
    script = page_script(part("from_file.js"))
    return document(report.head.run_id, json_of(report), style=page_style(), script=script, sources=(PICTURES,))


def page_style() -> str:
    """The style sheet of the page of a run, and of the pictures of pipelines in it."""
    return picture_style() + part("page.css")


def page_script(*data_source: str) -> str:
    """The script of a page, as a strict function of its own: it draws runs, and `data_source` are the texts of the part
    that passes reports to a `RunPage`, now and whenever there is a newer one.
    """
    return script_of([*map(part, _DRAWING), *data_source])
