"""Where secrets come from."""

from typing import Protocol


class Secrets(Protocol):
    """Looks up secrets by name."""

    def get(self, name: str) -> str:
        """The value; SecretsError, naming the provider and the name but no value, when there is none."""
        ...
