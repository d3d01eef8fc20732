"""The contract of a secrets provider."""

from typing import Protocol

from msgspec import Struct

__all__ = ["Secret", "Secrets"]


class Secret(Struct, frozen=True):
    """A secret that a step obtained; every process of the run masks it from then on."""

    name: str
    value: str

    def __repr__(self) -> str:
        return f"Secret({self.name!r})"


class Secrets(Protocol):
    """Looks up secrets by name.

    Its class is called with the options and the working directory, before a run starts and in each process that runs
    steps. That reads nothing that could be missing, since most steps use no secret. One thread at a time calls it.
    """

    def get(self, name: str) -> str:
        """The value, exactly as it is stored; SecretsError if there is none, or the lookup fails.

        The error names the provider, the secret and what to do. It never holds the value of any secret.
        """
        ...
