"""Reads the steps of a pipeline file: the pipelines inside them, and one normal form for steps of the same meaning. Pure.

In a node type of another package a pipeline is recognized by its shape.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from magnus.definition.compiler import file_beside
from magnus.definition.nodes import NODE_TYPES, main_word
from magnus.definition.nodes.contract import NodeTraits, traits_of
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


def written_steps(
    dag: Json, around: Sequence[str] = (), *, file: str = "", included: Mapping[str, Json] | None = None
) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """The fields of each step, by the names around it and its own, joined by `/`.

    A pipeline in a field is replaced by the name of its first step, and branches by their names with the first step of
    each. `file` is the file of the pipeline; `included` has the pipelines of the files that it names.
    """
    if not isinstance(dag, dict):
        return
    for name, step in dag.get("steps", {}).items():
        yield "/".join((*around, name)), with_inner_pipelines(step, _start)
        for (_, *branch), pipeline in inner_pipelines(step):
            yield from written_steps(pipeline, (*around, name, *branch), file=file, included=included)
        for _, _, inner_file in inner_files(step):
            other = file_beside(inner_file, file)
            if included and other in included:
                yield from written_steps(included[other], (*around, name), file=other, included=included)


def _start(place: Sequence[str], pipeline: Json) -> Json:
    """The first step of the pipeline: its name alone for a branch among others."""
    start = pipeline.get("start_at")
    return start if len(place) > 1 else {"start_at": start}


def normal(dag: Json, file: str, included: Mapping[str, Json]) -> Json:
    """The pipeline in normal form: one word where several mean the same, without descriptions, with included files.

    `file` is the file of the pipeline; `included` has the pipeline of each file.
    """
    steps = {name: _normal_step(step, file, included) for name, step in dag["steps"].items()}
    return {**{key: value for key, value in dag.items() if key not in {"name", "description"}}, "steps": steps}


def _normal_step(step: Mapping[str, Json], file: str, included: Mapping[str, Json]) -> Mapping[str, Json]:
    step = {key: value for key, value in step.items() if value is not None and key != "description"}
    if "retry" in step and "max_attempts" not in step:
        step["max_attempts"] = step.pop("retry")
    word = step.get("type", "task")
    step["type"] = main_word(word) if isinstance(word, str) else word
    changed = with_inner_pipelines(step, lambda _, pipeline: normal(pipeline, file, included))
    for field, in_place, name in inner_files(step):
        other = file_beside(name, file)
        del changed[field]
        changed[in_place] = normal(included[other], other, included) if other in included else other
    return changed
