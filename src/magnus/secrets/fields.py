"""Secrets that hold several values as JSON: `name#field` is one of them. Used by the providers that ask a server.

Texts are kept for five minutes, since steps of a map ask for the same secret again and again.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from magnus.engine.secrets.masking import SHORTEST_MASKED
from magnus.errors import Problem, SecretsError
from magnus.secrets.names import SecretNames
from magnus.suggest import near
from magnus.values import Json

_KEPT_SECONDS: Final = 300.0
_NOT_SECRET: Final = frozenset(
    {
        "database",
        "dbclusteridentifier",
        "dbinstanceidentifier",
        "dbname",
        "engine",
        "host",
        "hostname",
        "port",
        "region",
    }
    | {"user", "username"}
)
"""Fields of credentials of databases that are in ordinary output too; masked only if a step asks for them by name."""


class SecretTexts:
    """The whole texts of a provider, and the fields in them.

    Args:
        names: turns names into places.
        fetch: asks the server for the whole text at a place; SecretsError, which calls it by the second text, if there is
            none.
    """

    def __init__(self, names: SecretNames, fetch: Callable[[str, str], str]) -> None:
        self._names = names
        self._fetch = fetch
        self._texts: dict[str, tuple[float, str]] = {}

    def get(self, name: str) -> str:
        """The secret, or the field of it that the name ends with; SecretsError if there is none."""
        place, field = self.place(name)
        text = self._text(name, place)
        return text if field is None else self._field(self._label(name, place), field, text)

    def masked_with(self, name: str) -> Sequence[str]:
        """The whole text and the values in it, which the mask has to have beside the secret."""
        place, _ = self.place(name)
        text = self._text(name, place)
        return list(dict.fromkeys((text, *_values(_decoded(text)))))

    def place(self, name: str) -> tuple[str, str | None]:
        """The place of the whole text, and the field, if any."""
        place, mark, field = self._names.place(name).partition("#")
        return place, field if mark else None

    @staticmethod
    def _label(name: str, place: str) -> str:
        """The secret as messages call it."""
        written = name.partition("#")[0]
        return f"'{place}'" if written == place else f"'{written}' ('{place}')"

    def _text(self, name: str, place: str) -> str:
        kept = self._texts.get(place)
        if kept is None or kept[0] < time.monotonic():
            self._texts[place] = kept = (time.monotonic() + _KEPT_SECONDS, self._fetch(place, self._label(name, place)))
        return kept[1]

    def _field(self, label: str, field: str, text: str) -> str:
        try:
            fields = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, RecursionError):
            message = f"the secrets provider '{self._names.provider}' has no field in {label}: it is no JSON object"
            raise SecretsError(message, fix=f"leave out '#{field}'") from None
        if field not in fields:
            match = near(field, fields)
            fix = f"did you mean '{match}'?" if match else "write a field of the secret behind the '#'"
            message = f"the secrets provider '{self._names.provider}' has {label}, which has no field '{field}'"
            raise SecretsError(message, fix=fix)
        raw = bytes(fields[field])
        return str(msgspec.json.decode(raw, type=str)) if raw.startswith(b'"') else raw.decode()


class FieldSecrets(ABC):
    """A secrets provider whose secrets may hold several values; see `SecretsProvider`."""

    _texts: SecretTexts

    def get(self, name: str) -> str:
        """The secret; SecretsError if there is none, or it cannot be had."""
        self._check(name)
        return self._texts.get(name)

    def masked_with(self, name: str) -> Sequence[str]:
        """The whole secret and the values in it."""
        return self._texts.masked_with(name)

    def name_problem(self, name: str) -> Problem | None:
        """A problem if the server cannot have a secret of this name."""
        try:
            self._check(name)
        except SecretsError as error:
            return error.problems[0]
        return None

    @abstractmethod
    def _check(self, name: str) -> None:
        """SecretsError if the server cannot have a secret of this name."""


def _decoded(text: str) -> Json:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None


def _values(value: Json) -> Iterator[str]:
    """The texts and numbers of an object that are long enough to be masked."""
    waiting = [value] if isinstance(value, dict) else []
    while waiting:
        match waiting.pop():
            case dict() as fields:
                waiting.extend(inner for field, inner in fields.items() if field.lower() not in _NOT_SECRET)
            case list() as elements:
                waiting.extend(elements)
            case bool() | None:
                pass
            case part if len(str(part)) >= SHORTEST_MASKED:
                yield str(part)
            case _:
                pass
