"""The log levels of the diagnosis of magnus, with other words for them."""

from typing import Final

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
ALSO: Final = {"FATAL": "CRITICAL", "WARN": "WARNING"}
"""Words of the 2024 generation and of the standard library."""


def log_level(name: str) -> str | None:
    """The level for a word in any case; None if the word names no level."""
    word = name.upper()
    return ALSO.get(word, word if word in LEVELS else None)
