"""Objects of the catalog as people read them: `<DataFrame 'raw', 2.5 MB>`."""

from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote

from magnus.app.text.units import size
from magnus.values import Json

_KEYS: Final = frozenset({"object", "data_hash", "size", "type"})


def readable(value: Json) -> Json:
    """The value, with text in place of references to objects."""
    match value:
        case {"object": str(name), "data_hash": str(data_hash)} if not value.keys() - _KEYS:
            return object_text(name, data_hash, value.get("size", 0), value.get("type", ""))
        case dict():
            return {key: readable(inner) for key, inner in value.items()}
        case list():
            return [readable(inner) for inner in value]
        case _:
            return value


def object_text(name: str, data_hash: str, size_: int = 0, type_name: str = "") -> str:
    """Type, name and size, or the start of the hash if the size is unknown."""
    stem = unquote(PurePosixPath(name).name).partition(".")[0] or name
    return f"<{type_name or 'object'} '{stem}', {size(size_) if size_ else data_hash[:12]}>"
