"""The code of the steps of a run: the pieces each is made of. Kept in the run log; all that judge code compare these.

Called by `app.run.prepare` and `app.run.create_run` for a run that begins, and by all that look at one.
"""

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

FORM: Final = 3
"""How the hashes are made; those of another form say nothing about these."""
_MOST_NAMED: Final = 3


def code(steps: Iterable[StepPlace], working_directory: Path) -> Mapping[str, Pieces]:
    """The pieces of each step that has any, by the name of the step; nothing is imported or run."""
    by_kind: dict[str, list[tuple[str, TaskSpec]]] = {}
    for step in steps:
        if (task := _task(step)) is not None:
            by_kind.setdefault(task.kind, []).append((step.step, task))
    found: dict[str, Pieces] = {}
    for name, tasks in by_kind.items():
        kind = services.task_kind(name)
        if isinstance(kind, CodeHashes):
            pieces = kind.code([task for _, task in tasks], working_directory)
            found.update({step: own for (step, _), own in zip(tasks, pieces, strict=True) if own})
    return found


def as_fact(found: Mapping[str, Pieces]) -> Json:
    """The code as the run log keeps it.

    `pieces` are their names and hashes, each once; `steps` the numbers in there, from 0, of those of each step.
    """
    numbers: dict[tuple[str, str], int] = {}
    steps = {
        step: [numbers.setdefault(piece, len(numbers)) for piece in pieces.items()] for step, pieces in found.items()
    }
    return {"form": FORM, "pieces": [list(piece) for piece in numbers], "steps": steps}


def kept(config: Mapping[str, Json]) -> Mapping[str, Pieces] | None:
    """The code that the run log has of a run, by the name of the step; None when it cannot be compared."""
    fact = config.get("code")
    if not isinstance(fact, dict) or fact.get("form") != FORM:
        return None
    pieces: Sequence[Sequence[str]] = fact["pieces"]
    return {step: {pieces[n][0]: pieces[n][1] for n in numbers} for step, numbers in fact["steps"].items()}


def named(pieces: Sequence[str]) -> str:
    """Pieces for people, the first few of them."""
    shown = ", ".join(piece.replace(":", ": ", 1) for piece in pieces[:_MOST_NAMED])
    more = len(pieces) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def changed(before: Pieces, after: Pieces) -> list[str]:
    """The names of the pieces that are not the same, sorted."""
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def _task(step: StepPlace) -> TaskSpec | None:
    """What a step calls: its task, or of a map the reducer."""
    match step.node:
        case TaskNode(task=task):
            return task
        case CompositeNode(branches=MappedBranches(reducer=str(reducer))):
            is_lambda = reducer.lstrip().startswith("lambda")
            return TaskSpec("python-lambda" if is_lambda else "python", reducer)
        case CompositeNode():
            return None
