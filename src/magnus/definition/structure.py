"""Says where in its file the structure of a pipeline is wrong, or perhaps not meant. Called by `definition.compiler`."""

from collections.abc import Iterator, Mapping

from magnus.definition.written_pipeline import WrittenPipeline
from magnus.errors import Problem
from magnus.graph.nodes import Node, TerminalNode
from magnus.graph.structure import NOWHERE, StructureProblem, structure_problems, unreachable


def wrong_structure(nodes: Mapping[str, Node], written: WrittenPipeline) -> Iterator[Problem]:
    """Problems of the structure: steps that lead nowhere, to themselves or in circles; a start that is no step."""
    start = written.start_at()
    for fault in structure_problems(start, nodes):
        if fault.field and _target(fault, start, nodes) == NOWHERE:  # there is a problem for it already
            continue
        keys = ("steps", fault.step) if fault.step else ()
        location = written.locate(*keys, *filter(None, (fault.field,)))
        step = "/".join((*written.steps, fault.step)) if fault.step else "/".join(written.steps)
        yield Problem(fault.message, fault.fix, location, step)


def unintended(start: str, nodes: Mapping[str, Node], written: WrittenPipeline) -> Iterator[Problem]:
    """Warnings of steps that only the order of the steps leads to, behind steps that only failures lead to.

    Where nobody wrote any `next`, the order of the steps is meant.
    """
    steps = [name for name, node in nodes.items() if not isinstance(node, TerminalNode)]
    if all(map(written.is_implied, steps)):
        return
    leading = [(name, field, target) for name in steps for field, target in nodes[name].edges]
    for name, field, target in leading:
        if field != "next" or not written.is_implied(name) or target == start or target not in steps:
            continue
        to_target = [source for source, _, other in leading if other == target]
        fields = {each for _, each, other in leading if other == name}
        if to_target == [name] and fields == {"on_failure"}:
            message = f"'{target}' follows this step, which runs after a failure, only because it is written below it"
            fix = f"write next: {target} if that is meant, or else the step that is to follow, such as next: success"
            step = "/".join((*written.steps, name))
            yield Problem(message, fix, written.locate("steps", name), step, "warning")


def unreached(start: str, nodes: Mapping[str, Node], written: WrittenPipeline) -> Iterator[Problem]:
    """Warnings of steps that nothing leads to."""
    for name in unreachable(start, nodes):
        step, location = "/".join((*written.steps, name)), written.locate("steps", name)
        yield Problem("nothing leads to this step", "lead to it, or remove it", location, step, "warning")


def _target(fault: StructureProblem, start: str, nodes: Mapping[str, Node]) -> str:
    """Where the edge leads that is wrong."""
    node = nodes.get(fault.step)
    return start if node is None else dict(node.edges).get(fault.field, "")
