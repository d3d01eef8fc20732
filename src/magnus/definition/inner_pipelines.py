"""Where pipelines stand in a step as written; for node types of other packages by what a pipeline looks like."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from magnus.definition.nodes import NODE_TYPES
from magnus.definition.nodes.traits import NodeTraits, traits_of
from magnus.values import Json

_ON_FAILURE: Final = "on_failure"

KeyPath: TypeAlias = tuple[str, ...]


def written_traits(step: Mapping[str, Json]) -> NodeTraits | None:
    """The traits of the node type of the step; None where any field may hold a pipeline."""
    word = step.get("type", "task")
    node_type = NODE_TYPES.get(word) if isinstance(word, str) else None
    traits = None if node_type is None else traits_of(node_type)
    return None if traits is None or traits.takes_any_field else traits


def with_inner_pipelines(step: Mapping[str, Json], change: Callable[[KeyPath, Json], Json]) -> dict[str, Json]:
    """The step with its pipelines changed; `change` also gets where in the step a pipeline stands."""
    traits = written_traits(step)
    changed = dict(step)
    for key, value in step.items():
        if not isinstance(value, dict):
            continue
        holds_one = traits is None or key == _ON_FAILURE or key in traits.pipelines
        if holds_one and _is_pipeline(value):
            changed[key] = change((key,), value)
        elif traits is None or key in traits.branches:
            changed[key] = {
                name: change((key, name), inner) if _is_pipeline(inner) else inner for name, inner in value.items()
            }
    return changed


def inner_pipelines(step: Mapping[str, Json]) -> Iterator[tuple[KeyPath, Json]]:
    """The pipelines in the step, by where they stand in it."""
    pipelines: dict[KeyPath, Json] = {}
    with_inner_pipelines(step, pipelines.setdefault)
    yield from pipelines.items()


def inner_files(step: Mapping[str, Json]) -> Iterator[tuple[str, str, str]]:
    """The files with pipelines that the step names: the field, the one that holds a pipeline in place, and the file."""
    word = step.get("type", "task")
    node_type = NODE_TYPES.get(word) if isinstance(word, str) else None
    for field, in_place in () if node_type is None else traits_of(node_type).files.items():
        if isinstance(step.get(field), str):
            yield field, in_place, step[field]


def _is_pipeline(value: Json) -> bool:
    return isinstance(value, dict) and isinstance(value.get("steps"), dict)
