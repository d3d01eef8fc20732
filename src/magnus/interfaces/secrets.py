"""The contract of a secrets provider."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct

from magnus.errors import Problem

__all__ = ["PartialSecrets", "RemoteSecrets", "Secret", "Secrets"]


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


@runtime_checkable
class PartialSecrets(Protocol):
    """A provider whose secrets are parts of larger texts, such as a field of JSON."""

    def masked_with(self, name: str) -> Sequence[str]:
        """The texts to mask beside the secret `name`, which `get` returned before."""
        ...


@runtime_checkable
class RemoteSecrets(Protocol):
    """A provider that asks a server. `magnus check` asks it for no secret, unless `--connect` is given."""

    def name_problem(self, name: str) -> Problem | None:
        """A problem if no secret can have this name; asks no server."""
        ...

    def setup_problems(self) -> Sequence[Problem]:
        """Addresses, credentials and the like that this machine does not have; asks no server."""
        ...

    def needed_variables(self) -> Sequence[str]:
        """The variables of the environment without which no process gets a secret."""
        ...
