"""Names of secrets as pipelines have them, and the places in a provider that they stand for."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from magnus.errors import SecretsError

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class SecretNames(Struct, frozen=True):
    """Finds the place of a secret: `names` has places by name; all other names follow `prefix`."""

    provider: str
    names: Mapping[str, str]
    prefix: str

    def place(self, name: str) -> str:
        """The place; SecretsError if the name is empty, or holds characters that no place has."""
        place = self.names.get(name, self.prefix + name)
        if not name or not place or place.startswith("#") or _CONTROL.search(place):
            raise wrong_name(self.provider, name, "it is empty, or holds control characters", "correct the name")
        return place


def wrong_name(provider: str, name: str, why: str, fix: str) -> SecretsError:
    """The provider cannot have a secret of this name."""
    return SecretsError(f"the secrets provider '{provider}' cannot have a secret {name!r}: {why}", fix=fix)
