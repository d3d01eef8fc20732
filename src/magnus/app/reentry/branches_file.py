"""Writes the file with the branches to run next, for engines that address branches by numbers."""

import json
from collections.abc import Sequence
from pathlib import Path

from magnus.engine.reentry.attempts import Act
from magnus.engine.rules import fan
from magnus.errors import InvalidInput
from magnus.graph.nodes import ChosenBranch, CompositeNode, Graph, MappedBranches, RepeatedBranch, StaticBranches
from magnus.graph.path import BranchPath


def write_branches(file: str, graph: Graph, act: Act) -> None:
    """Write the branches to run next to the file, unless it is "".

    A map writes a list of their numbers, a conditional the number of the chosen branch, a loop the number of the
    iteration. Other composites, and composites without a branch to run, write nothing.
    """
    if not file:
        return
    node = graph.step(act.path)
    assert isinstance(node, CompositeNode)
    keys = [BranchPath.parse(branch).parts[-1] for branch in act.branches]
    try:
        Path(file).write_text(_text(node, keys), encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"the branches cannot be written to '{file}': {error.strerror}",
            fix="name a file in a folder that is writable",
        ) from error


def _text(node: CompositeNode, keys: Sequence[str]) -> str:
    match node.branches:
        case MappedBranches():
            return json.dumps([int(key) for key in keys])
        case ChosenBranch(graphs=graphs):
            numbers = {key: number for number, key in enumerate((*graphs, fan.key_of_default(graphs)))}
            return "".join(str(numbers[key]) for key in keys)
        case RepeatedBranch():
            return "".join(keys)
        case StaticBranches():
            return ""
