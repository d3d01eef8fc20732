"""Finds the branch of a `conditional` that a value chooses, by comparing keys and value as JSON text. Pure."""

from collections.abc import Iterable
from typing import Final

_TRUE: Final = ("True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON")
_FALSE: Final = ("False", "FALSE", "no", "No", "NO", "off", "Off", "OFF")
_SPELLINGS: Final = {
    **dict.fromkeys(_TRUE, "true"),
    **dict.fromkeys(_FALSE, "false"),
    **dict.fromkeys(("None", "~", "Null", "NULL"), "null"),
}
"""Spellings of Python and YAML, with the spelling of JSON."""


def json_of(key: str) -> str:
    """The key in the spelling of JSON."""
    return _SPELLINGS.get(key, key)


def spelled(key: str) -> frozenset[str]:
    """The texts of values that the key stands for."""
    return frozenset((key, json_of(key)))


def key_for(keys: Iterable[str], text: str) -> str | None:
    """The key that is the text of the value, or else the first that spells it otherwise."""
    listed = tuple(keys)
    if text in listed:
        return text
    return next((key for key in listed if json_of(key) == text), None)
