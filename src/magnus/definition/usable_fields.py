"""What is left of the fields of a step when those are taken out that are wrong. Used by `definition.compiler`."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from magnus.definition.nodes import branches_fields, pipeline_fields
from magnus.definition.nodes.contract import KeyPath, Pipelines
from magnus.definition.wrong_fields import Complaint
from magnus.graph.structure import NOWHERE
from magnus.suggest import near
from magnus.values import Json


class UsableFields(Struct, frozen=True):
    """Fields that are left, and whether less is said by them."""

    fields: dict[str, Json]
    has_less: bool


def usable_fields(model: type, fields: Mapping[str, Json], complaints: Iterable[Complaint]) -> UsableFields:
    """The fields without those that are wrong; a misspelt one under the name that was meant, where that is free."""
    names = [name for name in getattr(model, "__struct_fields__", ()) if name != "name"]
    left = dict(fields)
    for complaint in complaints:
        key = str(complaint.path[0])
        if key not in left:
            continue
        value = left.pop(key)
        meant = "" if key in names else near(key, names)
        if meant and meant not in fields:
            left[meant] = value
    has_less = len(left) < len(fields)
    if "next" in names:
        left.setdefault("next", NOWHERE)
    return UsableFields(left, has_less)


def following(fields: Mapping[str, Json]) -> tuple[str, str | None]:
    """What follows a step that cannot be read: when it succeeds, and when it fails."""
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
