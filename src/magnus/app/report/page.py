"""The page of a report: one HTML file with style, script, picture and data in it, which asks for nothing else. Pure.

Data are JSON in which no `<` begins a tag or a comment, so nothing a run said can end the element it is in; the script shows all of it as
text. A policy in the page lets its own script and style work, by their hashes, and nothing load from anywhere.
"""

import base64
import hashlib
import json
import re
from html import escape
from pathlib import Path
from typing import Final

import msgspec

from magnus.app.draw.svg import style as picture_style
from magnus.app.report.model import Report
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
    """What a policy calls an element with this text (W3C Content Security Policy, hash-source)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _data(report: Report) -> str:
    """The report as JSON for a script element; half of a surrogate pair, as odd file names have, is an escape."""
    try:
        text = msgspec.json.encode(report).decode()
    except UnicodeEncodeError:
        builtins: Json = msgspec.to_builtins(report)
        text = json.dumps(builtins)
    return _BEGINS_A_TAG.sub("\\\\u003c", text)
