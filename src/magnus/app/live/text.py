"""The end of what a step prints, as lines of a terminal."""

from magnus.app.text.escapes import without_escapes
from magnus.app.text.plain_text import plain


def last_lines(data: bytes, count: int) -> list[str]:
    """The last lines of output that say something, without colours; of one that was written over, how it looked last."""
    found: list[str] = []
    for line in reversed(data.decode("utf-8", "replace").split("\n")):
        shown = without_escapes(line.rstrip()).rpartition("\r")[2]
        if shown.strip():
            found.append(plain(shown.expandtabs()))
        if len(found) == count:
            break
    return found[::-1]
