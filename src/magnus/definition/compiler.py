"""Compiles a pipeline as written, with the pipelines in it, into a checked graph. Called by `definition.loader`.

It collects all mistakes and compiles the rest without them. It reads the files of included pipelines on the way.
"""

import os
from collections.abc import Callable, Container, Mapping
from functools import partial
from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from magnus.definition.nodes import (
    COMMAND_TYPES,
    NODE_TYPES,
    FindNodeType,
    NodeType,
    branches_fields,
    pipeline_fields,
    unknown_type,
)
from magnus.definition.nodes.contract import KeyPath as InnerPath
from magnus.definition.nodes.contract import PipelineFile
from magnus.definition.nodes.task import CacheDefault, Task
from magnus.definition.shape import has_steps, shape_problems
from magnus.definition.structure import unintended, unreached, wrong_structure
from magnus.definition.written_pipeline import WrittenPipeline
from magnus.definition.wrong_fields import Locate, WrongFields
from magnus.errors import InvalidDefinition, Location, Problem
from magnus.graph.nodes import CacheSpec, CompositeNode, Graph, MappedBranches, Node, TaskNode, TerminalNode
from magnus.graph.structure import TERMINAL_TYPES, Outline
from magnus.suggest import near
from magnus.values import Json, UserObject


class StepPlace(Struct, frozen=True):
    """A task or a composite anywhere in the pipeline, with its place.

    `step` joins the names of the steps around it and its own by `/`. `locate` returns the place of a field, or of the step.
    """

    node: TaskNode | CompositeNode
    step: str
    locate: Locate


ReadFile = Callable[[str, Location, tuple[str, ...]], WrittenPipeline | Problem]
"""Reads the pipeline in a file that is named at a place, inside these files; or returns the problem."""

StepT = TypeVar("StepT", bound=Outline)
"""A node, or the outline of one."""

_NEXT: Final = "add next: <step>, for example next: success"


class Compiler:
    """Compiles one pipeline and all pipelines in it, and collects problems, warnings and steps.

    `functions` has the functions that no import can find, by their commands. `find_type` finds node types of other
    packages.
    """

    def __init__(
        self,
        read_file: ReadFile,
        functions: Mapping[str, Callable[..., UserObject]],
        find_type: FindNodeType,
    ) -> None:
        self._read_file = read_file
        self._functions = functions
        self._find_type = find_type
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.steps: list[StepPlace] = []
        self.unsure: set[str] = set()

    def graph(self, written: WrittenPipeline, what: str) -> Graph | None:
        """The graph of the pipeline, which messages call `what`.

        If something is wrong, the graph is repaired by a guess and only for display. None when there are no steps.
        """
        before = len(self.problems)
        self.problems += shape_problems(written.value, written.document, written.path, what)
        written = written.with_corrected_keys() if isinstance(written.value, dict) else written
        if not has_steps(written.value):
            return None
        if "cache" in written.value:
            written = replace(written, cache=self._cache(written))
        nodes = self._with_terminals(self._nodes(written.value["steps"], written), written)
        self.problems += wrong_structure(nodes, written)
        start = written.start_at()
        if len(self.problems) > before or any(key[: len(written.path)] == written.path for key in written.broken):
            from magnus.graph.repair import repaired  # lazy: most pipelines are right

            repair = repaired(start, nodes)
            self._replace_places(nodes, repair.graph.nodes)
            if repair.is_certain:
                self.warnings += unreached(repair.graph.start_at, repair.graph.nodes, written)
            return repair.graph
        self.warnings += (*unreached(start, nodes, written), *unintended(start, nodes, written))
        return named_graph(start, nodes, written)

    def _cache(self, written: WrittenPipeline) -> CacheSpec | None:
        """What tasks of the pipeline do that say nothing of their cache."""
        from magnus.definition import fields  # lazy: most pipelines say nothing of it

        cache = written.value["cache"]
        try:
            default = fields.read(CacheDefault, {} if (*written.path, "cache") in written.broken else {"cache": cache})
        except WrongFields as error:
            self.problems += error.problems(written.locate, step="/".join(written.steps))
            return None
        return written.cache if default.cache is None else default.lower()

    def _replace_places(self, before: Mapping[str, Node], after: Mapping[str, Node]) -> None:
        """Put the repaired nodes into the places of their steps."""
        other = {id(node): after[name] for name, node in before.items() if name in after and after[name] is not node}
        for number, step in enumerate(self.steps):
            match other.get(id(step.node)):
                case TaskNode() | CompositeNode() as node:
                    self.steps[number] = replace(step, node=node)
                case _:
                    pass

    def _nodes(self, steps: Mapping[str, Json], written: WrittenPipeline) -> dict[str, Node]:
        nodes: dict[str, Node] = {}
        for name, fields in steps.items():
            if not isinstance(fields, dict):
                nodes[name] = _placeholder(name, {})
            elif isinstance(fields.get("on_failure"), dict):
                nodes |= self._with_pipeline_on_failure(name, fields, written)
            else:
                nodes[name] = self._node(name, fields, written)
        return nodes

    def _node(self, name: str, fields: Mapping[str, Json], written: WrittenPipeline) -> Node:
        step = self._read(name, fields, written)
        if step is None:
            from magnus.definition.usable_fields import pipelines_of  # lazy: as above

            for path, pipeline in pipelines_of(fields).items():
                self._inner(name, path, pipeline, written)
            return _placeholder(name, fields)
        graphs: dict[InnerPath, Graph] = {}
        pipelines = step.pipelines()
        for path, pipeline in pipelines.items():
            graph = self._inner(name, path, pipeline, written)
            if graph is not None:
                graphs[path] = graph
        if len(graphs) < len(pipelines):
            return _placeholder(name, fields)
        node = step.lower(graphs)
        node = self._with_function(node)
        if written.cache is not None and isinstance(step, Task) and isinstance(node, TaskNode) and step.cache is None:
            node = replace(node, cache=written.cache)
        if isinstance(node, TaskNode | CompositeNode):
            self.steps.append(StepPlace(node, "/".join((*written.steps, name)), partial(written.locate, "steps", name)))
        return node

    def _with_function(self, node: Node) -> Node:
        """The node with the function that its command or reducer stands for, where nothing else can find it."""
        match node:
            case TaskNode(task=task) if task.command in self._functions:
                return replace(node, task=replace(task, function=self._functions[task.command]))
            case CompositeNode(branches=MappedBranches(reducer=str(reducer)) as mapped) if reducer in self._functions:
                return replace(node, branches=replace(mapped, function=self._functions[reducer]))
            case _:
                return node

    def _read(self, name: str, fields: Mapping[str, Json], written: WrittenPipeline) -> NodeType | None:
        """The step as far as it can be read; None when it cannot be read at all. `unsure` gets steps read in part."""
        step = "/".join((*written.steps, name))
        broken = written.broken_fields(name)
        if broken:
            broken -= pipeline_fields() | branches_fields()
        fields = {key: value for key, value in fields.items() if key not in broken}
        if broken or (*written.path, "steps", name) in written.broken:
            self.unsure.add(step)
        node_type = None if "type" in broken else self._type(fields.get("type", "task"))
        if isinstance(node_type, Problem):
            self.unsure.add(step)
            self.problems.append(Problem(node_type.message, node_type.fix, written.locate("steps", name, "type"), step))
            word = str(fields.pop("type"))
            if word in COMMAND_TYPES:
                fields.setdefault("command_type", word)
            node_type = Task if word in COMMAND_TYPES else NODE_TYPES.get(near(word, NODE_TYPES))
        rest = {key: value for key, value in fields.items() if key != "type"}
        while node_type is not None:
            try:
                return node_type.read(name, rest)
            except WrongFields as error:
                from magnus.definition.usable_fields import usable_fields  # lazy: as above

                self._complain(error, name, rest, broken, written)
                usable = usable_fields(node_type, rest, error.complaints)
                if usable.has_less:
                    self.unsure.add(step)
                broken |= {*rest} - {*usable.fields}
                node_type, rest = (None, rest) if usable.fields == rest else (node_type, usable.fields)
        return None

    def _complain(
        self, error: WrongFields, name: str, given: Container[str], broken: set[str], written: WrittenPipeline
    ) -> None:
        """Add the problems of the fields of a step, without the fields that are broken already."""
        problems = error.problems(partial(written.locate, "steps", name), step="/".join((*written.steps, name)))
        for complaint, problem in zip(error.complaints, problems, strict=True):
            key = complaint.path[0]
            if key not in broken and (not broken or key in given):
                fix = _NEXT if problem.message == "'next' is missing" else problem.fix
                self.problems.append(replace(problem, fix=fix))

    def _type(self, word: Json) -> type[NodeType] | Problem:
        if not isinstance(word, str):
            return unknown_type(str(word))
        return NODE_TYPES[word] if word in NODE_TYPES else self._find_type(word)

    def _inner(
        self, name: str, path: InnerPath, pipeline: Json | PipelineFile, around: WrittenPipeline
    ) -> Graph | None:
        steps = (*around.steps, name, *path[1:])
        if isinstance(pipeline, PipelineFile):
            place = around.locate("steps", name, *path)
            inner = self._read_file(pipeline.name, place, around.files)
            if isinstance(inner, Problem):
                self.problems.append(Problem(inner.message, inner.fix, inner.location, "/".join(steps)))
                return None
            written = replace(inner, steps=steps, cache=around.cache)
        else:
            inside = (*around.path, "steps", name, *path)
            if inside in around.broken:
                return None
            written = replace(around, value=pipeline, path=inside, steps=steps)
        return self.graph(written, f"{path[-1]} of step '{name}'")

    def _with_pipeline_on_failure(
        self, name: str, fields: Mapping[str, Json], written: WrittenPipeline
    ) -> dict[str, Node]:
        """The step, and the one that its `on_failure` pipeline becomes, in the same (sub)pipeline."""
        other = f"{name} on failure"
        if other in written.value["steps"]:
            place, step = written.locate("steps", other), "/".join((*written.steps, other))
            message = f"this is the name of the pipeline under on_failure of step '{name}'"
            self.problems.append(Problem(message, "give the step another name", place, step))
        node = self._node(name, {**fields, "on_failure": other}, written)
        graph = self._inner(name, ("on_failure",), fields["on_failure"], written)
        end = _name_of_success(written)
        if graph is None:
            return {name: node, other: _placeholder(other, {"next": end})}
        from magnus.definition.nodes.dag import nested  # lazy: most pipelines have none there

        return {name: node, other: nested(other, graph, end)}

    def _with_terminals(self, nodes: Mapping[str, StepT], written: WrittenPipeline) -> dict[str, StepT | TerminalNode]:
        """The nodes, and the terminals that were left out under the names `success` and `fail`."""
        complete: dict[str, StepT | TerminalNode] = dict(nodes)
        for succeeds, name in TERMINAL_TYPES.items():
            if any(node.outcome is succeeds for node in nodes.values()):
                continue
            if name in nodes:
                message = f"the pipeline has no step of type {name}, and this step has the name it would get"
                fix = f"give it another name, or add a step of type {name}"
                step = "/".join((*written.steps, name))
                self.problems.append(Problem(message, fix, written.locate("steps", name), step))
            complete[name] = TerminalNode(name, succeeds=succeeds)
        return complete


def named_graph(start: str, nodes: Mapping[str, Node], written: WrittenPipeline) -> Graph:
    """The graph with the name and the description of the pipeline."""
    name, description = (str(written.value.get(key) or "") for key in ("name", "description"))
    return Graph(start, nodes, name, description)


def _placeholder(name: str, fields: Mapping[str, Json]) -> TaskNode:
    """A task in place of a step that cannot be read; its fields may say what follows it."""
    from magnus.definition.usable_fields import following  # lazy: most pipelines are right
    from magnus.graph.repair import placeholder  # lazy: as above

    return placeholder(name, *following(fields))


def _name_of_success(written: WrittenPipeline) -> str:
    """The name of the success step of the pipeline, written or to be added."""
    for name, fields in written.value["steps"].items():
        if isinstance(fields, dict) and fields.get("type") == TERMINAL_TYPES[True]:
            return str(name)
    return TERMINAL_TYPES[True]


def file_beside(name: str, other: str) -> str:
    """The path of a file that another file names, relative to it."""
    return os.path.normpath(os.path.join(os.path.dirname(other), name))  # noqa: PTH118, PTH120 - texts of users


def raise_if_any(problems: list[Problem]) -> None:
    """InvalidDefinition with all of them."""
    if problems:
        raise InvalidDefinition.of(problems)
