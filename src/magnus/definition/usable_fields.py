"""Removes wrong fields from a step, so that the rest can be read. Used by `definition.compiler`."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from magnus.definition.nodes import branches_fields, pipeline_fields
from magnus.definition.nodes.contract import KeyPath, Pipelines
from magnus.definition.wrong_fields import Complaint
from magnus.graph.structure import NOWHERE
from magnus.suggest import near
from magnus.values import Json


class UsableFields(Struct, frozen=True):
    """The right fields of a step, and whether it had more."""

    fields: dict[str, Json]
    has_less: bool


def usable_fields(model: type, fields: Mapping[str, Json], complaints: Iterable[Complaint]) -> UsableFields:
    """The right fields; a misspelt field gets the name that the user probably meant, if that name is free."""
    names = [name for name in getattr(model, "__struct_fields__", ()) if name != "name"]
    usable = dict(fields)
    for complaint in complaints:
        key = str(complaint.path[0])
        if key not in usable:
            continue
        value = usable.pop(key)
        suggestion = "" if key in names else near(key, names)
        if suggestion and suggestion not in fields:
            usable[suggestion] = value
    has_less = len(usable) < len(fields)
    if "next" in names:
        usable.setdefault("next", NOWHERE)
    return UsableFields(usable, has_less)


def following(fields: Mapping[str, Json]) -> tuple[str, str | None]:
    """The steps after a step that cannot be read: after its success, and after its failure."""
    then, on_failure = fields.get("next"), fields.get("on_failure")
    return then if isinstance(then, str) else NOWHERE, on_failure if isinstance(on_failure, str) else None


def pipelines_of(fields: Mapping[str, Json]) -> Pipelines:
    """The pipelines that seem to be in a step that cannot be read."""
    pipelines: dict[KeyPath, Json] = {}
    for key, value in fields.items():
        if key in branches_fields() and isinstance(value, dict):
            pipelines |= {(key, name): branch for name, branch in value.items()}
        elif key in pipeline_fields():
            pipelines[key,] = value
    return {path: pipeline for path, pipeline in pipelines.items() if isinstance(pipeline, dict)}
