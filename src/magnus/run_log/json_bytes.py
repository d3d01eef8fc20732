"""JSON of records and large values as bytes: written, read back, and searched for the content it refers to."""

import json
from collections.abc import Iterable
from typing import Final

import msgspec

from magnus.values import Json

_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))
_COMPACT_ASCII: Final = json.JSONEncoder(check_circular=False, separators=(",", ":"))

_REFERENCE: Final = b'"data_hash":"'
"""The prefix of every reference to content, of a file or of an object; a SHA-256 in hex and a quote follow."""
_HASH_DIGITS: Final = 64
_HEX: Final = frozenset(b"0123456789abcdef")


def to_bytes(value: Json) -> bytes:
    """The value as one line of compact JSON in UTF-8; NaN and infinity are written as Python's json reads them.

    TypeError, ValueError or RecursionError when a value has no JSON.
    """
    try:
        return _COMPACT.encode(value).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, as undecodable file names have: only an escape can say it
        return _COMPACT_ASCII.encode(value).encode()


def record_to_bytes(value: Json) -> bytes:
    """A record, or another value, as `to_bytes` writes it; the files of a step come last.

    msgspec writes files, of which there may be thousands, in a fifth of the time: texts and numbers alone.
    """
    files = value.get("catalog") if isinstance(value, dict) and "step" in value else None
    if not files:
        return to_bytes(value)
    try:
        encoded = msgspec.json.encode(files)
    except (TypeError, UnicodeEncodeError):  # as there; or a text of a type of its own
        return to_bytes(value)
    rest = to_bytes({name: inner for name, inner in value.items() if name != "catalog"})
    return b'%b,"catalog":%b}' % (rest[:-1], encoded)


def from_bytes(text: bytes) -> Json:
    """The value that `to_bytes` wrote; ValueError when it is none."""
    try:
        return msgspec.json.decode(text)
    except ValueError:  # NaN, infinity and half of a surrogate pair are read by Python's json alone
        return json.loads(text)


def mentioned_hashes(blocks: Iterable[bytes]) -> frozenset[str]:
    """The SHA-256 of all content that the records in a text refer to; the text may be cut anywhere.

    No record is read, so references of records that no longer stand count too: to keep too much does no harm.
    """
    hashes: set[bytes] = set()
    rest = b""
    for block in blocks:
        text = rest + block
        for after in text.split(_REFERENCE)[1:]:
            if after[_HASH_DIGITS : _HASH_DIGITS + 1] == b'"' and _HEX.issuperset(after[:_HASH_DIGITS]):
                hashes.add(after[:_HASH_DIGITS])
        rest = text[-len(_REFERENCE) - _HASH_DIGITS :]
    return frozenset(data_hash.decode() for data_hash in hashes)
