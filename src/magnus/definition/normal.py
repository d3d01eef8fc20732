"""A pipeline as written, brought to one form for all that mean the same: what its hash is taken of."""

from collections.abc import Mapping

from magnus.definition.compiling import file_beside
from magnus.definition.inner_pipelines import inner_files, with_inner_pipelines
from magnus.definition.nodes import main_word
from magnus.values import Json


def normal(dag: Json, file: str, included: Mapping[str, Json]) -> Json:
    """The pipeline with one word where several mean the same, without what changes nothing, files put in place.

    `file` is the one it is in, `included` has what is in each file.
    """
    steps = {name: _step(step, file, included) for name, step in dag["steps"].items()}
    return {**{key: value for key, value in dag.items() if key not in {"name", "description"}}, "steps": steps}


def _step(step: Mapping[str, Json], file: str, included: Mapping[str, Json]) -> Mapping[str, Json]:
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
