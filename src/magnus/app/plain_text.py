"""Text of users as it can be shown on a terminal, where some characters are commands."""

import re
from typing import Final

_STRANGE: Final = "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"


def plain(text: str) -> str:
    """The text on one line: what could move the cursor, colour or turn around what follows is written as escapes."""
    return text if text.isascii() and text.isprintable() else re.sub(_STRANGE, _escaped, text)


def plain_lines(text: str) -> str:
    """The same, but for ends of lines, which stay."""
    return "\n".join(map(plain, text.expandtabs().replace("\r\n", "\n").split("\n")))


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
