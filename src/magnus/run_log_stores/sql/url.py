"""The URL of a database: which one it is, how it is shown, and what is wrong with it."""

import re
from pathlib import Path
from typing import Final

from msgspec import Struct

from magnus.definition.wrong_fields import Complaint, WrongFields
from magnus.engine.secrets.masking import MASK
from magnus.suggest import near

_POSTGRESQL: Final = re.compile(
    r"postgres(?:ql)?://(?:(?P<user>[^:@/?#\s]*)(?::(?P<password>[^@/?#\s]*))?@)?"
    r"(?P<hosts>[^@/?#\s]*)(?:/(?P<database>[^/?#\s]*))?(?:\?(?P<query>\S*))?"
)
_HOST: Final = re.compile(r"(?:\[[^\]]+\]|[^:\[\]]*)(?::\d{0,5})?")
_USER_AND_PASSWORD: Final = re.compile(r"(://[^:/?#]*:)\S*@")
_PASSWORDS_OF_QUERY: Final = re.compile(r"((?:^|[?&])(?:ssl)?password=)([^&\s]*)")
_SQLITE: Final = "sqlite"
_SCHEMES: Final = {"postgresql": "postgresql", "postgres": "postgresql", _SQLITE: _SQLITE}
_EXAMPLES: Final = "write postgresql://USER@HOST:5432/DATABASE or sqlite:///FILE"
_ENCODED: Final = "percent-encode special characters of user and password: %40 for @, %2F for /, %3A for :"


class DatabaseUrl(Struct, frozen=True):
    """A URL that can be connected to.

    Attributes:
        text: the URL with the password, for the driver alone.
        shown: the same for people, with every password masked.
        file: the file of SQLite, absolute; None for PostgreSQL.
        passwords: what no message may hold.
    """

    text: str
    shown: str
    file: Path | None
    passwords: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"DatabaseUrl({self.shown!r})"

    def without_passwords(self, message: str) -> str:
        """The message with the passwords masked."""
        for password in self.passwords:
            message = message.replace(password, MASK)
        return message


def database_url(text: str, working_directory: Path) -> DatabaseUrl:
    """The URL that a user wrote; relative files are below the working directory. WrongFields with what is wrong."""
    scheme, separator, rest = text.partition("://")
    kind = _SCHEMES.get(scheme)
    if not separator or kind is None:
        raise _wrong(_no_scheme(text, scheme, separator), _fix_of_scheme(scheme, rest))
    if kind == _SQLITE:
        return _sqlite(text, rest, working_directory)
    return _postgresql(text)


def masked(text: str) -> str:
    """The URL, right or wrong, without passwords."""
    return _PASSWORDS_OF_QUERY.sub(rf"\1{MASK}", _USER_AND_PASSWORD.sub(rf"\1{MASK}@", text))


def _no_scheme(text: str, scheme: str, separator: str) -> str:
    if separator:
        return f"url has the unknown scheme '{scheme}'"
    return "url is empty" if not text.strip() else f"url '{masked(text)}' does not say what database it is"


def _fix_of_scheme(scheme: str, rest: str) -> str:
    plain = scheme.lower().partition("+")[0]
    match = _SCHEMES.get(plain) or near(plain, _SCHEMES)
    if match and rest:
        return f"did you mean '{_SCHEMES[match]}://'?"
    return _EXAMPLES


def _sqlite(text: str, rest: str, working_directory: Path) -> DatabaseUrl:
    host, slash, name = rest.partition("/")
    if host or not slash:
        path = host or "runs.db"
        raise _wrong(
            f"url '{masked(text)}' has a host, and SQLite has none" if host else f"url '{text}' names no file",
            f"write sqlite:///{path} for a file in the working directory, sqlite:////{path} for one with its whole path",
        )
    if not name or name.endswith("/") or name == ":memory:":
        raise _wrong(
            f"url '{text}' names no file", "write sqlite:///runs.db; to keep runs in memory use type: buffered"
        )
    if "\0" in name:
        raise _wrong("url holds a zero byte", "remove it")
    return DatabaseUrl(text, text, working_directory.absolute() / name)


def _postgresql(text: str) -> DatabaseUrl:
    match = _POSTGRESQL.fullmatch(text)
    if match is None:
        raise _wrong(f"url '{masked(text)}' is no URL of PostgreSQL", f"{_EXAMPLES}, and {_ENCODED}")
    for host in match["hosts"].split(","):
        if not _HOST.fullmatch(host):
            raise _wrong(
                f"url '{masked(text)}' has a wrong host or port '{host}'", f"{_EXAMPLES}; the port is a number"
            )
    from urllib.parse import unquote  # lazy: other stores have no URL

    raw = [match["password"] or "", *(found[1] for found in _PASSWORDS_OF_QUERY.findall(match["query"] or ""))]
    texts = dict.fromkeys(form for password in raw for form in (password, unquote(password)) if form)
    return DatabaseUrl(text, masked(text), None, tuple(sorted(texts, key=len, reverse=True)))


def _wrong(message: str, fix: str) -> WrongFields:
    return WrongFields([Complaint(("url",), message, fix)])
