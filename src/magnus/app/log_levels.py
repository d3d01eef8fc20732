"""The levels from which on magnus shows what it logs for diagnosis, with other words for them."""

from typing import Final

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
ALSO: Final = {"FATAL": "CRITICAL", "WARN": "WARNING"}
"""Words of the 2024 generation and of the standard library."""


def log_level(name: str) -> str | None:
    """The level that the word stands for, whatever its case; None when it stands for none."""
    word = name.upper()
    return ALSO.get(word, word if word in LEVELS else None)
