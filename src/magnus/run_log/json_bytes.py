"""JSON as compact text in UTF-8, for records and large values: whatever Python can read back."""

import json
from typing import Final

import msgspec

from magnus.values import Json

_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))
_COMPACT_ASCII: Final = json.JSONEncoder(check_circular=False, separators=(",", ":"))


def to_bytes(value: Json) -> bytes:
    """The value as one line of compact JSON in UTF-8; NaN and infinity are written as Python's json reads them.

    TypeError, ValueError or RecursionError when a value has no JSON.
    """
    try:
        return _COMPACT.encode(value).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, as undecodable file names have: only an escape can say it
        return _COMPACT_ASCII.encode(value).encode()


def from_bytes(text: bytes) -> Json:
    """The value that `to_bytes` wrote; ValueError when it is none."""
    try:
        return msgspec.json.decode(text)
    except ValueError:  # NaN, infinity and half of a surrogate pair are read by Python's json alone
        return json.loads(text)
