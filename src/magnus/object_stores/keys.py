"""Keys that every object store takes: no part is empty or `.` or `..`, no character is special, and none is too long. Pure."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final
from urllib.parse import unquote_to_bytes

_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")
_CAPITALS: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DOT: Final = ord(".")
_LONGEST_PART: Final = 200
"""In bytes: a part is the name of a file where the store is a folder, and gets an ending."""
_LONGEST_FOLDER: Final = 480
"""In bytes. S3 takes keys of 1,024 bytes: this, a prefix, a name and its ending."""
LONGEST_PREFIX: Final = 300
"""In bytes."""


def part(text: str) -> str:
    """Any text as a part of a key, different for all texts, also where case is ignored. A long one becomes its hash."""
    encoded = text.encode("utf-8", "surrogatepass")
    name = "".join([_character(byte, first=not place) for place, byte in enumerate(encoded)]) or "="
    return name if len(name) <= _LONGEST_PART else f"~{sha256(encoded).hexdigest()}"


def text_of(name: str) -> str | None:
    """The text of a part; None if it is a hash, or no part that `part` makes, such as a file of another program."""
    if name == "=":
        return ""
    pieces = name.split("=")
    capitals = pieces[0] + "".join(piece[:1].upper() + piece[1:] for piece in pieces[1:])
    try:
        text = unquote_to_bytes(capitals).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None
    return text if part(text) == name else None


def folder(top: Iterable[str], texts: Iterable[str]) -> str:
    """The key of a folder: `top`, parts as they are, and below it `texts`, which are one hash where they are too long."""
    below = "/".join(map(part, texts))
    if len(below) > _LONGEST_FOLDER:
        below = f"~{sha256(below.encode()).hexdigest()}"
    return "/".join((*top, below) if below else top)


def _character(byte: int, *, first: bool) -> str:
    if byte in _PLAIN or (byte == _DOT and not first):
        return chr(byte)
    return f"={chr(byte).lower()}" if byte in _CAPITALS else f"%{byte:02x}"
