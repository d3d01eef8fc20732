"""Text of users as it can be shown on a terminal, where some characters are commands."""

import re
from typing import Final

_STRANGE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)

_CLOSING: Final = {"[": "]", "{": "}", '"': '"'}


def plain(text: str) -> str:
    """The text on one line: what could move the cursor, colour or turn around what follows is written as escapes."""
    return text if text.isascii() and text.isprintable() else _STRANGE.sub(_escaped, text)


def plain_lines(text: str) -> str:
    """The same, but for ends of lines, which stay."""
    return "\n".join(map(plain, text.expandtabs().replace("\r\n", "\n").split("\n")))


def short(text: str, longest: int) -> str:
    """The text in so many characters; of JSON that is cut, what had been opened is closed again: `[1, 2, …]`."""
    if len(text) <= longest:
        return text
    if text[0] not in _CLOSING:
        return f"{text[: longest - 1]}…"
    kept = text[: longest - 1]
    while len(kept) > 1:
        kept = kept[: _opened(kept)[1]]
        closing, _ = _opened(kept)
        if len(kept) + 1 + len(closing) <= longest:
            return f"{kept}…{closing}"
        kept = kept[:-1].rstrip(" ,\\")
    return f"{text[: longest - 1]}…"


def _opened(text: str) -> tuple[str, int]:
    """What closes all that is open at the end of the beginning of some JSON, and where its last item begins.

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


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
