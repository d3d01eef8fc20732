"""The page of a report: one HTML file with style, script, picture and data in it, which loads nothing else.

Data are JSON in which no `<` starts a tag or a comment, so no text of a run can end the element it is in; the script shows all of it as
text. A policy in the page lets its own script and style work, by their hashes, and nothing load from anywhere.
"""

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from html import escape
from pathlib import Path
from typing import Final

import msgspec

from magnus.app.draw import labels
from magnus.app.draw.style import style as picture_style
from magnus.app.draw.svg import Mark, svg
from magnus.app.report.model import Report, Row
from magnus.graph.nodes import CompositeNode, Graph
from magnus.graph.path import BranchPath, StepPath
from magnus.run_log.records import RunHealth, Status
from magnus.values import Json

_HERE: Final = Path(__file__).parent / "web"
_SCRIPTS: Final = (
    "base.js",
    "run.js",
    "timeline.js",
    "listing.js",
    "steps.js",
    "details.js",
    "viewport.js",
    "graph.js",
    "paper.js",
    "start.js",
)
_BEGINS_A_TAG: Final = re.compile("<(?=[!/?a-zA-Z])")
_REUSED: Final = "REUSED"
_LOOKS: Final = {
    Status.FAIL.value: ("failed", "failed"),
    RunHealth.LOST.value: ("lost", "lost"),
    Status.PROCESSING.value: ("running", "running"),
    Status.SUCCESS.value: ("succeeded", "succeeded"),
    _REUSED: ("reused", "reused"),
}
"""For each status, the class of a step in the picture and the word for it; the worst comes first."""


def page(report: Report, picture: str) -> str:
    """The HTML; `picture` is SVG in which texts are escaped, or ""."""
    style = picture_style() + _part("page.css")
    script = '"use strict";\n(() => {\n' + "".join(map(_part, _SCRIPTS)) + "})();\n"
    parts = {
        "policy": _policy(style, script),
        "title": escape(report.head.run_id).encode(errors="replace").decode(),
        "style": style,
        "picture": picture,
        "data": _data(report),
        "script": script,
    }
    pieces = _part("page.html").split("@@")
    filled = (piece if number % 2 == 0 else parts[piece] for number, piece in enumerate(pieces))
    return "".join(filled)


def _part(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_hash_source(style)}; script-src {_hash_source(script)}; "
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


def picture(graph: Graph, steps: Mapping[StepPath, Sequence[Row]], ends: AbstractSet[StepPath]) -> str:
    """The SVG, without its style. `steps` are the rows of each step of the picture, `ends` the terminal ones reached."""
    marks = {path: _mark(rows) for path, rows in steps.items()}
    marks |= {path: Mark("waiting") for path in _paths(graph, BranchPath()) if path not in marks and path not in ends}
    return svg(graph, marks, with_style=False)


def _mark(rows: Sequence[Row]) -> Mark:
    counts = Counter(_REUSED if row.reused else row.status for row in rows)
    classes = next((css for look, (css, _) in _LOOKS.items() if counts[look]), "waiting")
    if len(rows) > 1:
        return Mark(
            classes, ", ".join(f"{counts[look]:,} {word}" for look, (_, word) in _LOOKS.items() if counts[look])
        )
    attempts = len(rows[0].attempts)
    return Mark(classes, f"{attempts} attempts" if attempts > 1 else "")


def _paths(graph: Graph, branch: BranchPath) -> Iterator[StepPath]:
    """Every step of the picture."""
    for name, node in graph.nodes.items():
        path = branch.step(name)
        yield path
        if isinstance(node, CompositeNode):
            for inner in labels.branches(node, path):
                yield from _paths(inner.graph, inner.path)
