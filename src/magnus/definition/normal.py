"""A pipeline as written, brought to one form for all that mean the same: what its hash is taken of."""

from collections.abc import Mapping
from typing import Final

from magnus.definition.compiling import file_beside
from magnus.values import Json

_SAME_WORDS: Final = {"as-is": "stub"}


def normal(dag: Json, file: str, included: Mapping[str, Json]) -> Json:
    """The pipeline with one word where several mean the same, without what changes nothing, files put in place.

    `file` is the one it is in, `included` has what is in each file.
    """
    steps = {name: _step(step, file, included) for name, step in dag["steps"].items()}
    return {**{key: value for key, value in dag.items() if key not in {"name", "description"}}, "steps": steps}


def _step(step: Mapping[str, Json], file: str, included: Mapping[str, Json]) -> Mapping[str, Json]:
    kept = {key: value for key, value in step.items() if value is not None and key != "description"}
    if "retry" in kept and "max_attempts" not in kept:
        kept["max_attempts"] = kept.pop("retry")
    word = kept.get("type", "task")
    kept["type"] = _SAME_WORDS.get(word, word) if isinstance(word, str) else word
    if kept["type"] == "dag" and "dag_definition" in kept:
        other = file_beside(str(kept.pop("dag_definition")), file)
        kept["dag"] = normal(included[other], other, included) if other in included else other
    return {key: _inner(key, value, file, included) for key, value in kept.items()}


def _inner(key: str, value: Json, file: str, included: Mapping[str, Json]) -> Json:
    match key, value:
        case (("branch" | "dag" | "default" | "on_failure"), {"steps": dict()}):
            return normal(value, file, included)
        case "branches", dict():
            return {name: _inner("branch", branch, file, included) for name, branch in value.items()}
        case _:
            return value
