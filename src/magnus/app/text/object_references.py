"""Objects of the catalog as people read them: `<DataFrame 'raw', 2.5 MB, 3f0c9a51>`."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote

from magnus.app.text.units import size
from magnus.run_log.parameters import ListParameter, ObjectParameter, Parameter
from magnus.values import Json

_KEYS: Final = frozenset({"object", "data_hash", "size", "type"})
_HASH_DIGITS: Final = 8


def readable(value: Json) -> Json:
    """The value, with text in place of references to objects."""
    match value:
        case {"object": str(name), "data_hash": str(data_hash)} if not value.keys() - _KEYS:
            number, type_name = value.get("size", 0), value.get("type", "")
            return object_text(name, data_hash, number, type_name)
        case dict():
            return {key: readable(inner) for key, inner in value.items()}
        case list():
            return [readable(inner) for inner in value]
        case _:
            return value


def object_text(name: str, data_hash: str, size_: int = 0, type_name: str = "") -> str:
    """Type, name, size and the start of the hash; the size is left out if it is unknown."""
    stem = unquote(PurePosixPath(name).name).partition(".")[0] or name
    facts = (f"{type_name or 'object'} '{stem}'", size(size_) if size_ else "", data_hash[:_HASH_DIGITS])
    return f"<{', '.join(filter(None, facts))}>"


def objects_by_hash(parameters: Iterable[Parameter]) -> dict[str, ObjectParameter]:
    """The objects among the parameters, and in lists of them, by their hashes."""
    objects: dict[str, ObjectParameter] = {}
    for parameter in parameters:
        match parameter:
            case ObjectParameter(data_hash=data_hash):
                objects[data_hash] = parameter
            case ListParameter(items=items):
                objects |= objects_by_hash(items)
            case _:
                pass
    return objects


def completed(value: Json, objects: Mapping[str, ObjectParameter]) -> Json:
    """The value, with size and type in its references to these objects; the inputs of a task have references without them."""
    match value:
        case {"object": str(), "data_hash": str(data_hash)} if len(value) == 2 and data_hash in objects:
            known = objects[data_hash]
            more = {"size": known.size, "type": known.type_name}
            return {**value, **{name: fact for name, fact in more.items() if fact}}
        case dict():
            return {key: completed(inner, objects) for key, inner in value.items()}
        case list():
            return [completed(inner, objects) for inner in value]
        case _:
            return value
