"""Where secrets come from."""

from typing import Protocol

from msgspec import Struct

__all__ = ["Secret", "Secrets"]


class Secret(Struct, frozen=True):
    """A secret that a step obtained: every process of the run is to mask it from then on."""

    name: str
    value: str

    def __repr__(self) -> str:
        return f"Secret({self.name!r})"


class Secrets(Protocol):
    """Looks up secrets by name.

    Made with its options and the working directory, before a run begins and in each process that runs steps; making it
    reads nothing that could be missing, since most steps ask for no secret. It is asked by one thread at a time.
    """

    def get(self, name: str) -> str:
        """The value, exactly as it was kept; SecretsError when there is none, or when it cannot be looked up.

        The error names the provider, the secret and what to do; it never holds a value, of this secret or another.
        """
        ...
