"""The `do-nothing` secrets provider: every secret is an empty text."""

from pathlib import Path

from msgspec import Struct


class DoNothingOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """It has none."""


class DoNothingSecrets:
    """Gives an empty text for every secret."""

    options = DoNothingOptions

    def __init__(self, _options: DoNothingOptions, _working_directory: Path) -> None:
        """Nothing is kept."""

    def get(self, name: str) -> str:  # noqa: ARG002 - every name is answered alike
        """An empty text for every name."""
        return ""
