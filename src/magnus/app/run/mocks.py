"""Replaces the tasks of a pipeline by tasks that do nothing and succeed, except tasks with a patch.

Called before a run by executors that mock. A patch is `{command: ..., other fields of a task}`, which runs in the place of
the task, or `{returns: {name: value}, files: {name: text}}`, which supplies what later steps need.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from msgspec.structs import replace

from magnus.app.composition.configuration import Configuration
from magnus.app.composition.services import executor_type
from magnus.definition.compiler import StepPlace
from magnus.definition.loader import LoadedPipeline
from magnus.definition.nodes.task import Task
from magnus.definition.wrong_fields import Locate, WrongFields
from magnus.errors import InvalidConfiguration, Problem
from magnus.graph.nodes import CompositeNode, Graph, Node, TaskNode, TaskSpec, named_graphs, with_graphs
from magnus.suggest import near
from magnus.values import Json

_SUPPLY: Final = "supply"
_SUPPLIES: Final = frozenset({"returns", "files"})
_OWN_FIELDS: Final = ("returns", "catalog", "secrets", "max_attempts", "retry_delay", "timeout", "overrides")

Patches = Mapping[str, Mapping[str, Json]]


def objects_of(key: str) -> str:
    """The command of the function that gives what a patch supplies and is not JSON; by name, where there is such a thing."""
    return f"the objects of the patch of '{key}'"


def mocked(configuration: Configuration, pipeline: LoadedPipeline) -> LoadedPipeline:
    """The pipeline with its tasks mocked as the executor of the configuration says."""
    _, options = executor_type(configuration)
    return with_mocks(pipeline, options.patches, configuration.executor.locate)


def with_mocks(pipeline: LoadedPipeline, patches: Patches, locate: Locate) -> LoadedPipeline:
    """The pipeline with its tasks mocked; `locate` gives the place of a patch.

    Raises InvalidConfiguration with everything that is wrong with the patches.
    """
    work = _Mocking(pipeline, patches, locate)
    graph = work.graph(pipeline.graph, ())
    work.refuse_unused()
    if work.problems:
        raise InvalidConfiguration.of(work.problems)
    return replace(pipeline, graph=graph, steps=tuple(work.places))


class _Mocking:
    """The mocking of one pipeline; `places` are the steps that run something, where patches say so."""

    def __init__(self, pipeline: LoadedPipeline, patches: Patches, locate: Locate) -> None:
        self._functions = pipeline.functions
        self._patches = patches
        self._locate = locate
        self._unused = set(patches)
        self._by_name = set(patches) - set(_paths(pipeline.graph, ()))
        self._paths: list[str] = []
        self.problems: list[Problem] = []
        self.places: list[StepPlace] = []

    def graph(self, graph: Graph, around: tuple[str, ...]) -> Graph:
        """A (sub)pipeline inside the steps `around`."""
        return replace(graph, nodes={name: self._node(node, (*around, name)) for name, node in graph.nodes.items()})

    def refuse_unused(self) -> None:
        """Complain about patches of steps that are not there."""
        for name in sorted(self._unused):
            match = near(name, [*self._paths, *(path.rpartition("/")[2] for path in self._paths)])
            fix = f"did you mean '{match}'?" if match else f"the tasks are {', '.join(map(repr, self._paths))}"
            self._complain(f"the pipeline has no task '{name}' to patch", fix, name)

    def _node(self, node: Node, path: tuple[str, ...]) -> Node:
        match node:
            case TaskNode():
                return self._task(node, "/".join(path))
            case CompositeNode():
                return with_graphs(node, lambda key, graph: self.graph(graph, (*path, *key)))
            case _:
                return node

    def _task(self, node: TaskNode, path: str) -> TaskNode:
        self._paths.append(path)
        key = path if path in self._patches else node.name if node.name in self._by_name else None
        if key is None:
            return _doing_nothing(node)
        self._unused.discard(key)
        patch = self._patches[key]
        if _SUPPLIES.issuperset(patch) and not isinstance(patch.get("returns"), list | str):
            return self._supplying(node, patch, key)
        return self._patched(node, patch, key, path)

    def _supplying(self, node: TaskNode, patch: Mapping[str, Json], key: str) -> TaskNode:
        for field in patch:
            if not isinstance(patch[field], dict):
                self._complain(f"{field} of a patch must be a mapping", f"write {field}: {{name: ...}}", key, field)
        for name, text in (patch.get("files") or {}).items():
            if not isinstance(text, str):
                self._complain(f"the content of '{name}' must be text", "put it in quotes", key, "files", name)
        objects = self._functions.get(objects_of(key))
        spec = TaskSpec(_SUPPLY, "", dict(patch), node.task.returns, objects)
        return replace(_doing_nothing(node), task=spec)

    def _patched(self, node: TaskNode, patch: Mapping[str, Json], key: str, path: str) -> TaskNode:
        fields = {"command": node.task.command, "command_type": node.task.kind, **patch, "next": node.next}
        try:
            read = Task.read(node.name, fields).lower({})
        except WrongFields as error:
            self.problems += error.problems(lambda *keys: self._locate("patches", key, *keys), step=path)
            return node
        task = read.task
        if task.kind == node.task.kind:
            task = replace(task, options={**node.task.options, **task.options})
        if "returns" not in patch:
            task = replace(task, returns=node.task.returns)
        if task.command in self._functions:
            task = replace(task, function=self._functions[task.command])
        own = {field: getattr(read, field) for field in _OWN_FIELDS if field in patch and field != "returns"}
        patched = replace(node, task=task, mock=True, **own)
        self.places.append(StepPlace(patched, path, partial(self._locate, "patches", key)))
        return patched

    def _complain(self, message: str, fix: str, *keys: str) -> None:
        self.problems.append(Problem(message, fix, self._locate("patches", *keys)))


def _paths(graph: Graph, around: tuple[str, ...]) -> Iterator[str]:
    """The paths of all tasks, as patches name them."""
    for name, node in graph.nodes.items():
        if isinstance(node, TaskNode):
            yield "/".join((*around, name))
        elif isinstance(node, CompositeNode):
            for key, inner in named_graphs(node):
                yield from _paths(inner, (*around, name, *key))


def _doing_nothing(node: TaskNode) -> TaskNode:
    """A task in the place of this one that does nothing, moves no files and takes no secrets."""
    spec = TaskSpec("noop", "", {}, None)
    return TaskNode(node.name, spec, node.next, node.on_failure, written_as=node.written_as, mock=True)
