"""Compiles a pipeline as written, with the pipelines in it, into a checked graph. Called by `definition.loader`.

All that is wrong anywhere in it is collected. Files that pipelines are in are read on the way.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from magnus.definition.inner import KeyPath as InnerPath
from magnus.definition.inner import PipelineFile
from magnus.definition.nodes import NODE_TYPES, FindNodeType, NodeType, unknown_type
from magnus.definition.nodes.dag import BRANCH
from magnus.definition.shape import shape_problems
from magnus.definition.wrong_fields import Locate, WrongFields
from magnus.definition.yaml_text import Document, KeyPath
from magnus.errors import InvalidDefinition, Location, Problem
from magnus.graph.check import structure_problems, unreachable
from magnus.graph.graph import Graph
from magnus.graph.nodes import CompositeNode, MappedBranches, Node, StaticBranches, TaskNode, TerminalNode
from magnus.values import Json, UserObject


class Written(Struct, frozen=True):
    """A pipeline as written: its value with variables replaced, and where it stands.

    `files` are the files around it, the outermost first, its own last; `steps` the names of the steps around it.
    """

    value: Json
    document: Document
    path: KeyPath
    files: tuple[str, ...]
    steps: tuple[str, ...] = ()

    def locate(self, *keys: str | int) -> Location:
        """The place of something in the pipeline."""
        return self.document.locate(*self.path, *keys)


class StepPlace(Struct, frozen=True):
    """A task or a composite anywhere in the pipeline: its name with those of the steps around it, joined by `/`.

    `locate` gives the place of a field of it, or without one that of the step.
    """

    node: TaskNode | CompositeNode
    step: str
    locate: Locate


ReadFile = Callable[[str, Location, tuple[str, ...]], Written | Problem]
"""Reads the pipeline in a file, named at a place, inside these files; or says why it cannot be."""

_NEXT: Final = "add next: <step>, for example next: success"


class Compiler:
    """Compiles one pipeline and all in it; what was found stays here.

    `functions` are those that commands stand for which nothing else can find, `find_type` finds node types of other
    packages.
    """

    def __init__(
        self, read_file: ReadFile, functions: Mapping[str, Callable[..., UserObject]], find_type: FindNodeType
    ) -> None:
        self._read_file = read_file
        self._functions = functions
        self._find_type = find_type
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.steps: list[StepPlace] = []

    def graph(self, written: Written, what: str) -> Graph | None:
        """The graph of the pipeline, which messages call `what`; None when something in it is wrong."""
        before = len(self.problems)
        self.problems += shape_problems(written.value, written.document, written.path, what)
        if len(self.problems) > before:
            return None
        nodes = self._nodes(written)
        if len(self.problems) == before:
            nodes = self._with_terminals(nodes, written)
        if len(self.problems) == before:
            self.problems += _structure(nodes, written)
        if len(self.problems) > before:
            return None
        self.warnings += _unreached(nodes, written)
        name, description = (str(written.value.get(key) or "") for key in ("name", "description"))
        return Graph(written.value["start_at"], nodes, name, description)

    def _nodes(self, written: Written) -> dict[str, Node]:
        nodes: dict[str, Node] = {}
        for name, fields in written.value["steps"].items():
            if isinstance(fields.get("on_failure"), dict):
                nodes |= self._with_pipeline_on_failure(name, fields, written)
            elif (node := self._node(name, fields, written)) is not None:
                nodes[name] = node
        return nodes

    def _node(self, name: str, fields: Mapping[str, Json], written: Written) -> Node | None:
        found = self._read(name, fields, written)
        if found is None:
            return None
        graphs: dict[InnerPath, Graph] = {}
        pipelines = found.pipelines()
        for path, pipeline in pipelines.items():
            graph = self._inner(name, path, pipeline, written)
            if graph is not None:
                graphs[path] = graph
        if len(graphs) < len(pipelines):
            return None
        node = found.lower(graphs)
        node = self._with_function(node)
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

    def _read(self, name: str, fields: Mapping[str, Json], written: Written) -> NodeType | None:
        step = "/".join((*written.steps, name))
        word = fields.get("type", "task")
        found = self._type(word)
        if isinstance(found, Problem):
            place = written.locate("steps", name, "type")
            self.problems.append(Problem(found.message, found.fix, place, step))
            return None
        try:
            return found.read(name, {key: value for key, value in fields.items() if key != "type"})
        except WrongFields as error:
            for problem in error.problems(lambda *keys: written.locate("steps", name, *keys), step=step):
                fix = _NEXT if problem.message == "'next' is missing" else problem.fix
                self.problems.append(Problem(problem.message, fix, problem.location, problem.step))
            return None

    def _type(self, word: Json) -> type[NodeType] | Problem:
        if not isinstance(word, str):
            return unknown_type(str(word))
        return NODE_TYPES[word] if word in NODE_TYPES else self._find_type(word)

    def _inner(self, name: str, path: InnerPath, pipeline: Json | PipelineFile, around: Written) -> Graph | None:
        steps = (*around.steps, name, *path[1:])
        if isinstance(pipeline, PipelineFile):
            place = around.locate("steps", name, *path)
            found = self._read_file(pipeline.name, place, around.files)
            if isinstance(found, Problem):
                self.problems.append(Problem(found.message, found.fix, found.location, "/".join(steps)))
                return None
            written = Written(found.value, found.document, found.path, found.files, steps)
        else:
            inside = (*around.path, "steps", name, *path)
            written = Written(pipeline, around.document, inside, around.files, steps)
        return self.graph(written, f"{path[-1]} of step '{name}'")

    def _with_pipeline_on_failure(self, name: str, fields: Mapping[str, Json], written: Written) -> dict[str, Node]:
        """The step, and the one that its `on_failure` pipeline becomes, in the same (sub)pipeline."""
        other = f"{name} on failure"
        if other in written.value["steps"]:
            place, step = written.locate("steps", other), "/".join((*written.steps, other))
            message = f"this is the name of what is under on_failure of step '{name}'"
            self.problems.append(Problem(message, "give the step another name", place, step))
        node = self._node(name, {**fields, "on_failure": other}, written)
        graph = self._inner(name, ("on_failure",), fields["on_failure"], written)
        if node is None or graph is None:
            return {}
        end = _name_of_success(written)
        return {name: node, other: CompositeNode(other, StaticBranches({BRANCH: graph}), end, written_as="dag")}

    def _with_terminals(self, nodes: Mapping[str, Node], written: Written) -> dict[str, Node]:
        """The nodes, and the terminals that were left out under the names `success` and `fail`."""
        complete = dict(nodes)
        for name, succeeds in (("success", True), ("fail", False)):
            if any(isinstance(node, TerminalNode) and node.succeeds is succeeds for node in nodes.values()):
                continue
            if name in nodes:
                message = f"the pipeline has no step of type {name}, and this step has the name it would get"
                fix = f"give it another name, or add a step of type {name}"
                step = "/".join((*written.steps, name))
                self.problems.append(Problem(message, fix, written.locate("steps", name), step))
            complete[name] = TerminalNode(name, succeeds=succeeds)
        return complete


def _name_of_success(written: Written) -> str:
    """The name of the success step of the pipeline, written or to be added."""
    for name, fields in written.value["steps"].items():
        if fields.get("type") == "success":
            return str(name)
    return "success"


def _structure(nodes: Mapping[str, Node], written: Written) -> Iterator[Problem]:
    for found in structure_problems(written.value["start_at"], nodes):
        keys = ("steps", found.step) if found.step else ()
        location = written.locate(*keys, *filter(None, (found.field,)))
        step = "/".join((*written.steps, found.step)) if found.step else "/".join(written.steps)
        yield Problem(found.message, found.fix, location, step)


def _unreached(nodes: Mapping[str, Node], written: Written) -> Iterator[Problem]:
    for name in unreachable(written.value["start_at"], nodes):
        step, location = "/".join((*written.steps, name)), written.locate("steps", name)
        yield Problem("nothing leads to this step", "lead to it, or remove it", location, step, "warning")


def file_beside(name: str, other: str) -> str:
    """The path of a file that another file names, relative to it."""
    return os.path.normpath(os.path.join(os.path.dirname(other), name))  # noqa: PTH118, PTH120 - texts of users


def raise_if_any(problems: list[Problem]) -> None:
    """InvalidDefinition with all of them."""
    if problems:
        raise InvalidDefinition.of(problems)
