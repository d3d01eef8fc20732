"""Finds the definitions of the steps of a run in its recorded pipeline, for a report."""

from collections.abc import Mapping
from typing import Final

from magnus.app.draw.labels import drawn_path
from magnus.app.inspect.step_code import Pieces
from magnus.app.report.model import Definition
from magnus.definition.built_pipeline import recorded_pipeline
from magnus.definition.loader import LoadedPipeline, load_built
from magnus.definition.variables import PREFIX
from magnus.errors import InvalidDefinition
from magnus.graph.nodes import (
    ChosenBranch,
    CompositeNode,
    MappedBranches,
    Node,
    RepeatedBranch,
    StaticBranches,
    TaskNode,
    TerminalNode,
)
from magnus.graph.path import StepPath
from magnus.run_log.records import RunRecord

_MOST_PIECES: Final = 20


def pipeline_of(run: RunRecord) -> LoadedPipeline | None:
    """The pipeline of the run, in which variables stand as they are written.

    None when it cannot be compiled: a variable stands for another value than text.
    """
    config = run.run_config
    as_written = {f"{PREFIX}{name}": f"${{{name}}}" for name in config.get("variables", ())}
    try:
        return load_built(recorded_pipeline(config), as_written)
    except InvalidDefinition:
        return None


class Definitions:
    """The definitions of the steps of a run, each once."""

    def __init__(self, pipeline: LoadedPipeline | None, code: Mapping[str, Pieces]) -> None:
        self._graph = None if pipeline is None else pipeline.graph
        self._names = {} if pipeline is None else {id(place.node): place.step for place in pipeline.steps}
        self._code = code
        self._numbers: dict[StepPath, int] = {}
        self.definitions: list[Definition] = []

    def drawn(self, path: StepPath) -> StepPath | None:
        """The path of a step of the run in the picture of the pipeline; None if the pipeline has no such step."""
        try:
            return None if self._graph is None else drawn_path(self._graph, path)
        except KeyError:
            return None

    def is_alone(self, path: StepPath) -> bool:
        """Whether the pipeline has no other step in the branch of this one."""
        drawn = self.drawn(path)
        if self._graph is None or drawn is None:
            return False
        steps = self._graph.within(drawn.branch).nodes.values()
        return sum(not isinstance(node, TerminalNode) for node in steps) == 1

    def number(self, path: StepPath) -> int | None:
        """The number of the definition of a step; None where the pipeline has no such step."""
        drawn = self.drawn(path)
        if self._graph is None or drawn is None:
            return None
        number = self._numbers.setdefault(drawn, len(self.definitions))
        if number == len(self.definitions):
            self.definitions.append(self._definition(drawn, self._graph.step(path)))
        return number

    def _definition(self, drawn: StepPath, node: Node) -> Definition:
        code = list(self._code.get(self._names.get(id(node), ""), {}).items())[:_MOST_PIECES]
        more = [(name, text) for name, text in _fields(node) if text]
        kind, command = (node.task.kind, node.task.command) if isinstance(node, TaskNode) else ("", "")
        return Definition(str(drawn), kind, command, more, code)


def _fields(node: Node) -> list[tuple[str, str]]:
    """The fields of a step beside its command, as names and texts; "" for a field that is not set."""
    match node:
        case TerminalNode():
            return []
        case TaskNode():
            fields = [
                ("max_attempts", str(node.max_attempts) if node.max_attempts > 1 else ""),
                ("retry_delay", f"{node.retry_delay:g} s" if node.retry_delay else ""),
                ("timeout", f"{node.timeout:g} s" if node.timeout is not None else ""),
                ("get", ", ".join(node.catalog.get)),
                ("put", ", ".join(node.catalog.put)),
                ("secrets", ", ".join(node.secrets)),
            ]
        case CompositeNode():
            fields = _branch_fields(node)
    return [*fields, ("next", node.next), ("on_failure", node.on_failure or "")]


def _branch_fields(node: CompositeNode) -> list[tuple[str, str]]:
    match node.branches:
        case StaticBranches():
            return []
        case MappedBranches() as mapped:
            return [
                ("iterate_on", mapped.iterate_on),
                ("iterate_as", mapped.iterate_as),
                ("reducer", mapped.reducer or ""),
            ]
        case ChosenBranch(parameter=parameter):
            return [("parameter", parameter)]
        case RepeatedBranch() as repeated:
            return [
                ("max_iterations", str(repeated.max_iterations)),
                ("break_on", repeated.break_on or ""),
                ("index_as", repeated.index_as or ""),
            ]
