"""The `dotenv` secrets provider: secrets are the lines `NAME=value` of a file.

The rules of the file are the rules of python-dotenv, for which most such files are written, with one exception: `$` stands
for itself, since passwords are full of it. The parser names the line of a mistake and never shows it.
"""

import re
from pathlib import Path
from typing import Final

from msgspec import Struct

from magnus.errors import SecretsError
from magnus.secrets.missing import missing

_TYPE: Final = "dotenv"


class DotenvOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the secrets are.

    Attributes:
        location: the file of `NAME=value` lines, relative to the working directory.
    """

    location: str = ".env"


class DotenvSecrets:
    """Reads the file once, when a step asks for the first secret."""

    options = DotenvOptions

    def __init__(self, options: DotenvOptions, working_directory: Path) -> None:
        self._location = options.location
        self._file = working_directory / options.location
        self._values: dict[str, str] | None = None

    def get(self, name: str) -> str:
        """The value in the file; SecretsError when it is not there, or the file cannot be read."""
        if self._values is None:
            self._values = self._read()
        if name not in self._values:
            raise missing(_TYPE, name, f"'{self._location}'", self._values, f"add a line {name}=<value>")
        return self._values[name]

    @property
    def location(self) -> Path:
        """The file."""
        return self._file.expanduser().absolute()

    def _read(self) -> dict[str, str]:
        try:
            return parse(self._file.expanduser().read_bytes().decode("utf-8"))
        except FileNotFoundError:
            raise self._unusable("does not exist", "write it, or set `location` of the secrets provider") from None
        except OSError as error:
            raise self._unusable(f"cannot be read: {error.strerror}", "set `location` to a file") from None
        except UnicodeDecodeError:
            raise self._unusable("is not UTF-8 text", "save it as UTF-8") from None
        except Unreadable as error:
            fix = "write NAME=value, the value in quotes where it holds several lines or a ' #'"
            raise self._unusable(f"cannot be read: line {error.line}: {error.reason}", fix) from None

    def _unusable(self, why: str, fix: str) -> SecretsError:
        return SecretsError(f"the file '{self._location}' of the secrets provider '{_TYPE}' {why}", fix=fix)


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


def parse(text: str) -> dict[str, str]:
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
    """The value that starts at `at`, and the start of the next line."""
    quote = text[at : at + 1]
    if quote not in _QUOTED:
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        return _strip_comment(text[at - 1 : end])[1:].strip(), end + 1
    quoted = _QUOTED[quote].match(text, at)
    if quoted is None:
        raise Unreadable(_line(text, at), f"the value that begins with {quote} does not end with one")
    rest = _BLANK.match(text, quoted.end())
    if rest is None:
        reason = f"something follows the {quote} that ends the value; write \\{quote} for one inside it"
        raise Unreadable(_line(text, at), reason)
    value = _ESCAPES[quote].sub(lambda escape: _MEANS.get(escape[1], escape[1]), quoted[1])
    return value, rest.end()


def _strip_comment(text: str) -> str:
    """The value without a comment; the first character of `text` stands before the value: `=` or a space."""
    comment = _COMMENT.search(text)
    return text[: max(comment.start(), 1)] if comment else text
