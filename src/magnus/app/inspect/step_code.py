"""Computes the pieces of code of each step, and writes and reads them in the run log."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from magnus.app.composition import services
from magnus.definition.compiler import StepPlace
from magnus.graph.nodes import CompositeNode, MappedBranches, TaskNode, TaskSpec
from magnus.interfaces.task_kind import CodeHashes
from magnus.values import Json

Pieces = Mapping[str, str]
"""The pieces of one step, by the names people know them by, each with a short hash."""

FORM: Final = 4
"""The form of the hashes; hashes of different forms cannot be compared."""
_MOST_NAMED: Final = 3


def code_of_steps(steps: Iterable[StepPlace], working_directory: Path) -> Mapping[str, Pieces]:
    """The pieces of each step that has any, by the name of the step; nothing is imported or run."""
    by_kind: dict[str, list[tuple[str, TaskSpec]]] = {}
    for step in steps:
        if (task := _task(step)) is not None:
            by_kind.setdefault(task.kind, []).append((step.step, task))
    code: dict[str, Pieces] = {}
    for name, tasks in by_kind.items():
        kind = services.task_kind(name)
        if isinstance(kind, CodeHashes):
            pieces = kind.code([task for _, task in tasks], working_directory)
            code.update({step: own for (step, _), own in zip(tasks, pieces, strict=True) if own})
    return code


def encoded_code(code: Mapping[str, Pieces]) -> Json:
    """The code in the form of the run log.

    `pieces` are their names and hashes, each once; `steps` has the numbers of the pieces of each step, from 0.
    """
    numbers: dict[tuple[str, str], int] = {}
    steps = {
        step: [numbers.setdefault(piece, len(numbers)) for piece in pieces.items()] for step, pieces in code.items()
    }
    return {"form": FORM, "pieces": [list(piece) for piece in numbers], "steps": steps}


def recorded_code(config: Mapping[str, Json]) -> Mapping[str, Pieces] | None:
    """The code in the run log of a run, by the names of steps; None if it cannot be compared."""
    fact = config.get("code")
    if not isinstance(fact, dict) or fact.get("form") != FORM:
        return None
    pieces: Sequence[Sequence[str]] = fact["pieces"]
    return {step: {pieces[n][0]: pieces[n][1] for n in numbers} for step, numbers in fact["steps"].items()}


def pieces_text(pieces: Sequence[str]) -> str:
    """The first few pieces, for people."""
    shown = ", ".join(piece.replace(":", ": ", 1) for piece in pieces[:_MOST_NAMED])
    more = len(pieces) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def changed_pieces(before: Pieces, after: Pieces) -> list[str]:
    """The names of the pieces that differ, sorted."""
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def _task(step: StepPlace) -> TaskSpec | None:
    """The task of a step, or the reducer of a map."""
    match step.node:
        case TaskNode(task=task):
            return task
        case CompositeNode(branches=MappedBranches(reducer=str(reducer))):
            is_lambda = reducer.lstrip().startswith("lambda")
            return TaskSpec("python-lambda" if is_lambda else "python", reducer)
        case CompositeNode():
            return None
