"""Makes text of users safe for a terminal, where some characters are commands."""

import re
from typing import Final

_STRANGE: Final = "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
"""The characters that are escaped; compiled when a text has one."""

_CLOSING: Final = {"[": "]", "{": "}", '"': '"'}


def plain(text: str) -> str:
    """The text on one line; characters that move the cursor, colour or reverse the text after them become escapes."""
    return text if text.isascii() and text.isprintable() else re.sub(_STRANGE, _escaped, text)


def plain_lines(text: str) -> str:
    """The text with each of its lines made plain."""
    return "\n".join(map(plain, text.expandtabs().replace("\r\n", "\n").split("\n")))


def short(text: str, longest: int) -> str:
    """The text in at most `longest` characters; brackets and quotes of JSON are closed again: `[1, 2, …]`."""
    if len(text) <= longest:
        return text
    if text[0] not in _CLOSING:
        return f"{text[: longest - 1]}…"
    start = text[: longest - 1]
    while len(start) > 1:
        start = start[: _opened(start)[1]]
        closing, _ = _opened(start)
        if len(start) + 1 + len(closing) <= longest:
            return f"{start}…{closing}"
        start = start[:-1].rstrip(" ,\\")
    return f"{text[: longest - 1]}…"


def _opened(text: str) -> tuple[str, int]:
    """The brackets and quotes that the start of some JSON leaves open, and where its last item starts.

    The item may not be whole; if it is the first one, it is the end of the text.
    """
    closing, item, in_text, is_escaped = "", 0, False, False
    for place, character in enumerate(text):
        if in_text:
            in_text = is_escaped or character != '"'
            is_escaped = character == "\\" and not is_escaped
        elif character == '"':
            in_text = True
        elif character == ",":
            item = place + 2
        elif character in _CLOSING:
            closing = _CLOSING[character] + closing
        elif closing.startswith(character):
            closing = closing[1:]
    return '"' + closing if in_text else closing, item or len(text)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
