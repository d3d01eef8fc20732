"""Which code the steps of a run call: the file each is in, with its hash. Kept in the run log, compared later."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from magnus.app import wiring
from magnus.definition.compiling import StepPlace
from magnus.graph.nodes import CompositeNode, MappedBranches, TaskNode
from magnus.interfaces.task_kind import HasSource
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
