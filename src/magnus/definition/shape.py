"""Checks that a value has the shape of a pipeline: a mapping with `steps`. Used by `compiler`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from magnus.definition.yaml_text import Document, KeyPath
from magnus.errors import Problem
from magnus.suggest import near
from magnus.values import Json

FIELDS: Final = {
    "name": "What the pipeline is called; it changes nothing.",
    "description": "What the pipeline is for; it changes nothing.",
    "cache": "Whether its tasks reuse results of earlier steps with the same code and inputs, or how; tasks may say it themselves.",
    "start_at": "The name of the first step; by default the step that is written first.",
    "steps": "The steps, by name; names hold no `.` and no `%`.",
}
"""The fields of a pipeline, and what each is for."""


def shape_problems(dag: Json, document: Document, path: KeyPath, what: str) -> Iterator[Problem]:
    """The mistakes in the shape of the pipeline at `path`, which messages call `what`."""
    if not isinstance(dag, dict):
        yield _shape(document, what, dag, path)
        return
    yield from unknown_keys(dag, tuple(FIELDS), document, path)
    misspelt = key_corrections(dag).values()
    steps = dag.get("steps")
    if "steps" not in dag and "steps" in misspelt:
        pass
    elif "steps" not in dag:
        yield Problem("'steps' is missing", "write the steps below the key 'steps:'", document.locate(*path))
    elif not isinstance(steps, dict) or not steps:
        problem = _shape(document, "steps", steps, (*path, "steps"))
        fix = "write each step as '<name>:', with its fields indented below it"
        yield Problem(problem.message.replace("has no fields", "is empty"), fix, problem.location)
    else:
        for name, step in steps.items():
            if not isinstance(step, dict):
                yield _shape(document, f"step '{name}'", step, (*path, "steps", name))
    if "start_at" in dag and not isinstance(dag["start_at"], str):
        fix = "write the name of the first step"
        yield Problem("start_at must be the name of a step", fix, document.locate(*path, "start_at"))


def key_corrections(dag: Mapping[str, Json]) -> dict[str, str]:
    """The unknown keys, each with the missing key that the user probably meant."""
    suggestions = {key: near(key, [name for name in FIELDS if name not in dag]) for key in dag if key not in FIELDS}
    return {key: name for key, name in suggestions.items() if name}


def has_steps(dag: Json) -> bool:
    """Whether it is a mapping with steps, right or wrong."""
    return isinstance(dag, dict) and isinstance(dag.get("steps"), dict) and bool(dag["steps"])


def unknown_keys(
    mapping: Mapping[str, Json], names: Sequence[str], document: Document, path: KeyPath
) -> Iterator[Problem]:
    """A problem for every key that is not known."""
    for key in mapping:
        if key not in names:
            match = near(key, names)
            fix = (
                f"did you mean '{match}'?"
                if match
                else f"there {'is' if len(names) == 1 else 'are'} {', '.join(map(repr, names))}"
            )
            if not path and not match and key in FIELDS:
                fix = f"write it under {names[0]}:"
            yield Problem(f"unknown field '{key}'", fix, document.locate(*path, key))


def kind(value: Json) -> str:
    """The kind of a value, for messages."""
    match value:
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case None:
            return "nothing"
        case _:
            return f"'{value}'"


def _shape(document: Document, what: str, value: Json, path: KeyPath) -> Problem:
    problem = "has no fields" if value in (None, {}) else f"must be a mapping, not {kind(value)}"
    return Problem(f"{what} {problem}", "write 'key: value' lines below it", document.locate(*path))
