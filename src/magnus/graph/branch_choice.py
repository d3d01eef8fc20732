"""Which branch of a `conditional` a value chooses: keys and value are compared as JSON text. Pure."""

from collections.abc import Iterable
from typing import Final

_TRUE: Final = ("True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON")
_FALSE: Final = ("False", "FALSE", "no", "No", "NO", "off", "Off", "OFF")
_SPELLINGS: Final = {
    **dict.fromkeys(_TRUE, "true"),
    **dict.fromkeys(_FALSE, "false"),
    **dict.fromkeys(("None", "~", "Null", "NULL"), "null"),
}
"""Other ways in which Python and YAML write what JSON writes so."""


def json_of(key: str) -> str:
    """The JSON text that the key spells otherwise; else the key."""
    return _SPELLINGS.get(key, key)


def spelled(key: str) -> frozenset[str]:
    """The texts of values that the key stands for."""
    return frozenset((key, json_of(key)))


def chosen_key(keys: Iterable[str], text: str) -> str | None:
    """The key that is the text of the value, or else the first that spells it otherwise."""
    listed = tuple(keys)
    if text in listed:
        return text
    return next((key for key in listed if json_of(key) == text), None)
