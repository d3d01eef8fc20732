"""The text of a `.env` file to names and values. Used by `secrets.dotenv`.

The rules are those of python-dotenv, which most such files are written for, but for one: `$` stands for itself, since
passwords are full of it. A small parser of our own says in which line something is wrong and never shows that line.
"""

import re
from typing import Final

_NAME: Final = re.compile(r"[ \t\f\v]*(?:export[ \t]+)?([^\s=#'\"]+)[ \t]*=[ \t]*")
_BLANK: Final = re.compile(r"[ \t\f\v]*(?:#[^\n]*)?(?:\n|\Z)")
_QUOTED: Final = {
    "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL),
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL),
}
_ESCAPES: Final = {
    "'": re.compile(r"\\([\\'])"),
    '"': re.compile(r"\\([\\'\"abfnrtv])"),
}
_MEANS: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_COMMENT: Final = re.compile(r"(?:^|[ \t])#.*")


class Unreadable(Exception):
    """A line cannot be read; `line` counts from 1, `reason` holds nothing of what is in it."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


def parsed(text: str) -> dict[str, str]:
    """The values by name, the last one of a name that comes twice; raises Unreadable.

    A line is `NAME=value`, with `export` before it or not, empty, or a comment. A value in quotes may go over several
    lines; one without ends with its line, or before a `#` that follows a space.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    values: dict[str, str] = {}
    at = 0
    while at < len(text):
        if blank := _BLANK.match(text, at):
            at = blank.end()
            continue
        name = _NAME.match(text, at)
        if name is None:
            raise Unreadable(_line(text, at), "it is not NAME=value")
        values[name[1]], at = _value(text, name.end())
    return values


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _value(text: str, at: int) -> tuple[str, int]:
    """The value that begins at `at`, and where what follows its line begins."""
    quote = text[at : at + 1]
    if quote not in _QUOTED:
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        return _unquoted(text[at - 1 : end])[1:].strip(), end + 1
    found = _QUOTED[quote].match(text, at)
    if found is None:
        raise Unreadable(_line(text, at), f"the value that begins with {quote} does not end with one")
    rest = _BLANK.match(text, found.end())
    if rest is None:
        reason = f"something follows the {quote} that ends the value; write \\{quote} for one inside it"
        raise Unreadable(_line(text, at), reason)
    value = _ESCAPES[quote].sub(lambda escape: _MEANS.get(escape[1], escape[1]), found[1])
    return value, rest.end()


def _unquoted(written: str) -> str:
    """The value without a comment; its first character is what stands before it, `=` or a space."""
    found = _COMMENT.search(written)
    return written[: max(found.start(), 1)] if found else written
