"""A parameter of a run: a JSON value, an object kept in the catalog, or a metric."""

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct

from magnus.values import Json


class JsonParameter(Struct, frozen=True):
    """A JSON value. `text` is what a command line or an environment variable said, where the value came from one."""

    value: Json
    text: str | None = None


class ObjectParameter(Struct, frozen=True):
    """An object stored in the catalog under `catalog_name`; its value travels by this reference only.

    `size` is that of its content, in bytes.
    """

    catalog_name: str
    data_hash: str
    size: int = 0


class MetricParameter(Struct, frozen=True):
    """A JSON value that is also tracked; the only kind that may be NaN or infinite."""

    value: Json


class ListParameter(Struct, frozen=True):
    """What the branches of a map set under one name, in their order, when some of it is an object."""

    items: tuple["Parameter", ...]


Parameter: TypeAlias = JsonParameter | ObjectParameter | MetricParameter | ListParameter
Scope: TypeAlias = Mapping[str, Parameter]
"""The parameters a branch sees, by name."""


def plain(parameter: Parameter) -> Json:
    """The value as it stands in the run log and in `MAGNUS_PRM_*`: an object as a reference."""
    match parameter:
        case JsonParameter(value=value) | MetricParameter(value=value):
            return value
        case ObjectParameter(catalog_name=name, data_hash=data_hash):
            return {"object": name, "data_hash": data_hash}
        case ListParameter(items=items):
            return [plain(item) for item in items]


def to_json(parameter: Parameter) -> Json:
    """The parameter as it is stored in a record."""
    match parameter:
        case JsonParameter(value=value, text=None):
            return {"json": value}
        case JsonParameter(value=value, text=text):
            return {"json": value, "text": text}
        case MetricParameter(value=value):
            return {"metric": value}
        case ObjectParameter(catalog_name=name, data_hash=data_hash, size=size):
            return {"object": name, "data_hash": data_hash, "size": size}
        case ListParameter(items=items):
            return {"list": [to_json(item) for item in items]}


def holds_objects(parameter: Parameter) -> bool:
    """Whether it is an object, or some of it is."""
    return isinstance(parameter, ObjectParameter | ListParameter)


def from_json(stored: Json) -> Parameter:
    """The parameter that `to_json` stored."""
    if "json" in stored:
        return JsonParameter(stored["json"], stored.get("text"))
    if "metric" in stored:
        return MetricParameter(stored["metric"])
    if "list" in stored:
        return ListParameter(tuple(from_json(item) for item in stored["list"]))
    return ObjectParameter(stored["object"], stored["data_hash"], stored.get("size", 0))
