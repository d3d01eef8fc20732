"""Writes the file, or the object in a cloud, with the branches to run next, for engines that address branches by numbers."""

import json
from collections.abc import Sequence
from pathlib import Path

from magnus.definition.wrong_fields import WrongFields
from magnus.engine.reentry.attempts import Act
from magnus.engine.rules import fan
from magnus.errors import InvalidInput, ServiceError
from magnus.graph.nodes import ChosenBranch, CompositeNode, Graph, MappedBranches, RepeatedBranch, StaticBranches
from magnus.graph.path import BranchPath


def write_branches(file: str, graph: Graph, act: Act) -> None:
    """Write the branches to run next to the file, unless it is "". InvalidInput when it cannot be written.

    A map writes a list of their numbers, a conditional the number of the chosen branch, a loop the number of the
    iteration. Other composites, and composites without a branch to run, write nothing.

    A file such as `s3://bucket/key` is an object. It always holds a list of numbers, so that engines read all of them alike.
    """
    if not file:
        return
    node = graph.step(act.path)
    assert isinstance(node, CompositeNode)
    keys = [BranchPath.parse(branch).parts[-1] for branch in act.branches]
    if "://" in file:
        _put(file, json.dumps(_numbers(node, keys)))
        return
    try:
        Path(file).write_text(_text(node, keys), encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"the branches cannot be written to '{file}': {error.strerror}",
            fix="name a file in a folder that is writable",
        ) from error


def _text(node: CompositeNode, keys: Sequence[str]) -> str:
    numbers = _numbers(node, keys)
    return json.dumps(numbers) if isinstance(node.branches, MappedBranches) else "".join(map(str, numbers))


def _numbers(node: CompositeNode, keys: Sequence[str]) -> list[int]:
    match node.branches:
        case ChosenBranch(graphs=graphs):
            numbers = {key: number for number, key in enumerate((*graphs, fan.key_of_default(graphs)))}
            return [numbers[key] for key in keys]
        case MappedBranches() | RepeatedBranch():
            return [int(key) for key in keys]
        case StaticBranches():
            return []


def _put(url: str, text: str) -> None:
    """Put the text to the object at the URL."""
    folder, _, name = url.rpartition("/")
    try:
        from magnus.object_stores.address import ObjectLocation  # lazy: few engines read objects, and an extra has it
        from magnus.object_stores.client import ObstoreObjects
        from magnus.object_stores.interface import ObjectStoreFailure
    except ModuleNotFoundError as error:
        message = f"the branches cannot be written to '{url}': the package '{error.name}' is not installed"
        raise InvalidInput(message, fix="pip install 'magnus[object-store]', in the image too") from error
    try:
        ObstoreObjects(ObjectLocation(folder)).put(name, text.encode())
    except WrongFields as error:
        [complaint, *_] = error.complaints
        raise InvalidInput(
            f"the branches cannot be written to '{url}': {complaint.message}", fix=complaint.fix
        ) from error
    except ObjectStoreFailure as failure:
        problem = failure.problem
        raise ServiceError(f"the branches cannot be written: {problem.message}", fix=problem.fix) from failure
