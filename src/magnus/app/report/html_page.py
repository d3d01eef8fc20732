"""The page of a report: one HTML file with style, script and data in it, which loads nothing else.

Data are JSON in which no `<` starts a tag or a comment, so no text of a run can end the element it is in; the script shows all of it as
text. A policy in the page lets its own script and style work, by their hashes, and pictures in the data be shown; nothing
loads from anywhere.
"""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

import msgspec

from magnus.app.draw.style import style as picture_style
from magnus.app.report.model import Report
from magnus.values import Json

_HERE: Final = Path(__file__).parent / "web"
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

_FROM_FILE: Final = ("from_file.js",)
_BEGINS_A_TAG: Final = re.compile("<(?=[!/?a-zA-Z])")


def page(report: Report) -> str:
    """The HTML of a report that stands in the page itself."""
    style, script = page_style(), page_script(_FROM_FILE)
    parts = {
        "policy": _policy(style, script),
        "title": escape(report.head.run_id).encode(errors="replace").decode(),
        "style": style,
        "data": _data(report),
        "script": script,
    }
    pieces = _part("page.html").split("@@")
    filled = (piece if number % 2 == 0 else parts[piece] for number, piece in enumerate(pieces))
    return "".join(filled)


def page_style() -> str:
    """The style sheet of the page of a run, and of the pictures of pipelines in it."""
    return picture_style() + _part("page.css")


def page_script(data_source: Sequence[str]) -> str:
    """The script of a page, as a strict function of its own: it draws runs, and `data_source` are the files of the part
    that passes reports to a `RunPage`, now and whenever there is a newer one.
    """
    return '"use strict";\n(() => {\n' + "".join(map(_part, (*_DRAWING, *data_source))) + "})();\n"


def _part(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_hash_source(style)}; script-src {_hash_source(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash_source(text: str) -> str:
    """The source expression for an element with this text (W3C Content Security Policy, hash-source)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _data(report: Report) -> str:
    """The report as JSON for a script element; half of a surrogate pair, as odd file names have, is an escape."""
    try:
        text = msgspec.json.encode(report).decode()
    except UnicodeEncodeError:
        builtins: Json = msgspec.to_builtins(report)
        text = json.dumps(builtins)
    return _BEGINS_A_TAG.sub("\\\\u003c", text)
