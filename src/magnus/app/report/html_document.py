"""An HTML page with its style, its script and its data in it.

Data are JSON in which no `<` starts a tag or a comment, so no text of a run can end the element it is in; the script shows all of it as
text. A policy in the page lets its own script and style work, by their hashes, and nothing load from anywhere.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Final

import msgspec

from magnus.values import Json

_WEB: Final = Path(__file__).parent / "web"
_BEGINS_A_TAG: Final = re.compile("<(?=[!/?a-zA-Z])")


def document(title: str, data: str, *, style: str, script: str, sources: Sequence[str] = ()) -> str:
    """The page with data as JSON; `sources` are more directives of the policy, such as `connect-src 'self'`."""
    parts = {
        "policy": _policy(style, script, sources),
        "title": escape(title).encode(errors="replace").decode(),
        "style": style,
        "data": _BEGINS_A_TAG.sub("\\\\u003c", data),
        "script": script,
    }
    pieces = part("page.html").split("@@")
    filled = (piece if number % 2 == 0 else parts[piece] for number, piece in enumerate(pieces))
    return "".join(filled)


def part(name: str, folder: Path = _WEB) -> str:
    """The text of a file that pages are made of."""
    return (folder / name).read_text(encoding="utf-8")


def script_of(parts: Iterable[str]) -> str:
    """One script, whose names are its own."""
    return '"use strict";\n(() => {\n' + "".join(parts) + "})();\n"


def json_of(value: msgspec.Struct | Sequence[msgspec.Struct]) -> str:
    """The value as JSON; half of a surrogate pair, as odd file names have, is an escape."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        builtins: Json = msgspec.to_builtins(value)
        return json.dumps(builtins)


def _policy(style: str, script: str, sources: Sequence[str]) -> str:
    own = (f"style-src {_hash_source(style)}", f"script-src {_hash_source(script)}")
    return "; ".join(("default-src 'none'", *own, *sources, "base-uri 'none'", "form-action 'none'"))


def _hash_source(text: str) -> str:
    """The source expression for an element with this text (W3C Content Security Policy, hash-source)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
