"""JSON of records and large values as bytes: written, read back, and searched for the content it refers to."""

import json
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from magnus.values import Json

_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))
_COMPACT_ASCII: Final = json.JSONEncoder(check_circular=False, separators=(",", ":"))

_COMMON_FIELDS: Final = frozenset(("step", "position", "status", "step_type", "message", "attempts", "parameters"))
_SCALARS: Final = frozenset((str, int, bool, type(None)))

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

    msgspec writes a common record in a fifth of the time, and files, of which there may be thousands: texts and numbers alone.
    """
    if not isinstance(value, dict) or "step" not in value:
        return to_bytes(value)
    files = value.get("catalog")
    try:
        if _holds_scalars_alone(value):
            return msgspec.json.encode(value)
        if not files:
            return to_bytes(value)
        encoded = msgspec.json.encode(files)
    except (TypeError, UnicodeEncodeError):  # as there; or a text of a type of its own
        return to_bytes(value)
    rest = to_bytes({name: inner for name, inner in value.items() if name != "catalog"})
    return b'%b,"catalog":%b}' % (rest[:-1], encoded)


def _holds_scalars_alone(stored: dict[str, Json]) -> bool:
    """Whether the record of a step has no fields but common ones, and no values but scalars that msgspec writes as json does."""
    if not stored.keys() <= _COMMON_FIELDS or not _are_scalars(stored.get("parameters")):
        return False
    attempts = stored.get("attempts", ())
    return all(_is_common(attempt["duration"]) and _are_scalars(attempt.get("parameters")) for attempt in attempts)


def _are_scalars(values: Mapping[str, Json] | None) -> bool:
    return not values or all(type(name) is str and _is_common(value) for name, value in values.items())


def _is_common(value: Json) -> bool:
    """Whether it is a scalar; floats with an exponent look different, and NaN has no JSON."""
    kind = type(value)
    return kind in _SCALARS or (kind is float and (value == 0 or 1e-4 <= abs(value) < 1e16))


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
