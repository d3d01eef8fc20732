"""Which code the steps of a run call: the file each is in, with its hash. Kept in the run log, compared later."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from magnus.app import wiring
from magnus.definition.compiling import StepPlace
from magnus.graph.nodes import CompositeNode, MappedBranches, TaskNode, TaskSpec
from magnus.interfaces.task_kind import HasCode, HasSource
from magnus.values import Json


def sources(steps: Iterable[StepPlace], working_directory: Path) -> Mapping[str, Json]:
    """The file of every step that has one, relative to the working directory if it is in there, and its SHA-256."""
    known: dict[Path, Json] = {}
    found: dict[str, Json] = {}
    for step in steps:
        file = _file(step, working_directory)
        if file is not None:
            if file not in known:
                known[file] = _identity(file, working_directory)
            found[step.step] = known[file]
    return found


def code(steps: Iterable[StepPlace], working_directory: Path) -> Json:
    """The pieces of code that each step is made of, as far as they are known: to say later what exactly changed.

    `pieces` are their names and short hashes, each once; `steps` the numbers in there, from 0, of those of each step.
    """
    by_kind: dict[str, list[tuple[str, TaskSpec]]] = {}
    for step in steps:
        if (task := _task(step)) is not None:
            by_kind.setdefault(task.kind, []).append((step.step, task))
    numbers: dict[tuple[str, str], int] = {}
    found: dict[str, list[int]] = {}
    for name, tasks in by_kind.items():
        kind = wiring.task_kind(name)
        if isinstance(kind, HasCode):
            pieces = kind.code([task for _, task in tasks], working_directory)
            for (step_name, _), own in zip(tasks, pieces, strict=True):
                if own:
                    found[step_name] = [numbers.setdefault(piece, len(numbers)) for piece in own.items()]
    return {"pieces": [list(piece) for piece in numbers], "steps": found} if found else {}


def _task(step: StepPlace) -> TaskSpec | None:
    """What a step calls: its task, or of a map the reducer."""
    match step.node:
        case TaskNode(task=task):
            return task
        case CompositeNode(branches=MappedBranches(reducer=str(reducer))):
            return TaskSpec("python", reducer)
        case CompositeNode():
            return None


def _file(step: StepPlace, working_directory: Path) -> Path | None:
    match step.node:
        case TaskNode(task=task):
            kind = wiring.task_kind(task.kind)
            return kind.source_file(task, working_directory) if isinstance(kind, HasSource) else None
        case CompositeNode(branches=MappedBranches(reducer=str(reducer))):
            from magnus.tasks.reducing import source_of_reducer  # lazy: most pipelines have no reducer

            return source_of_reducer(reducer, working_directory)
        case _:
            return None


def _identity(file: Path, working_directory: Path) -> Json:
    try:
        digest = hashlib.sha256(file.read_bytes(), usedforsecurity=False).hexdigest()
    except OSError:
        digest = ""
    inside = file.is_relative_to(working_directory)
    return {"file": os.fspath(file.relative_to(working_directory) if inside else file), "sha256": digest}
