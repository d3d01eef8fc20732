"""The `do-nothing` secrets provider: every secret is an empty text."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class DoNothingOptions(BaseModel):
    """It has none."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class DoNothingSecrets:
    """Knows no secrets and does not mind being asked."""

    options = DoNothingOptions

    def __init__(self, _options: DoNothingOptions, _working_directory: Path) -> None:
        """Nothing is kept."""

    def get(self, name: str) -> str:  # noqa: ARG002 - every name is answered alike
        """An empty text, whatever the name."""
        return ""
