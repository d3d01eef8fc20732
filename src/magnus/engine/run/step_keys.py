"""Computes the key of a step in its run, from the inputs of its task, and says where it can have none. Used by `cached`."""

import sys
from collections.abc import Mapping, Sequence

from magnus.engine.context import RunContext
from magnus.engine.files import catalog_files
from magnus.engine.files.objects import OBJECTS
from magnus.engine.run import cache_key
from magnus.engine.run.code_files import loaded_files, remove_stale_bytecode
from magnus.engine.run.step_environment import environment_text
from magnus.graph.nodes import TaskNode
from magnus.interfaces.task_kind import KnowsInputs, TaskInputs
from magnus.run_log.parameters import holds_objects, shown
from magnus.run_log.records import BranchScope, CatalogRecord


class StepKeys:
    """The keys of the steps of one run; the inputs of each task are computed once.

    `loaded` are the files whose code this process had imported when inputs were computed last.
    """

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._inputs: dict[int, TaskInputs] = {}
        self._environment: str | None = None
        self.loaded: frozenset[str] = frozenset()

    def obstacle(self, node: TaskNode, scope: BranchScope) -> str:
        """Why the step can have no key, or no result under it; "" if it can."""
        inputs = self.inputs(node)
        if inputs.problem:
            return inputs.problem
        catalog = self._context.services.catalog
        if not catalog.capabilities.keeps and (node.catalog.put or node.catalog.get):
            return "the catalog keeps no files"
        if node.catalog.put and not node.catalog.store_copy:
            return "its files are not kept: store_copy is false"
        used = cache_key.used_parameters(node, inputs, scope)
        if any(self._context.masker.contains(shown(value)) for value in used.values()):
            return "an input holds a secret"
        return ""

    def key(self, node: TaskNode, scope: BranchScope) -> cache_key.StepKey:
        """The key of a step without an obstacle."""
        context, inputs = self._context, self.inputs(node)
        used = cache_key.used_parameters(node, inputs, scope)
        objects = [name for name, value in used.items() if holds_objects(value)]
        visible = inputs.any_file and any(name.startswith(OBJECTS) for name in scope.files)
        environment = self._environment_text() if node.cache is not None and node.cache.environment else ""
        return cache_key.step_key(
            node,
            inputs,
            scope,
            self._got(node, inputs, scope),
            objects_code=self._code_of_objects(objects, any_object=visible) if objects or visible else {},
            environment=environment,
            data_folder=context.services.catalog.compute_data_folder,
        )

    def _got(self, node: TaskNode, inputs: TaskInputs, scope: BranchScope) -> Sequence[CatalogRecord]:
        """The files that the step gets; all that it sees, where its code may ask for any."""
        if inputs.any_file:
            return [entry for name, entry in scope.files.items() if not name.startswith(OBJECTS)]
        if not node.catalog.get:
            return ()
        context = self._context
        return catalog_files.files_to_get(
            context.services.catalog, node.catalog, working_directory=context.working_directory, visible=scope.files
        )

    def inputs(self, node: TaskNode) -> TaskInputs:
        """The inputs of the task."""
        if id(node) not in self._inputs:
            self.compute([node])
        return self._inputs[id(node)]

    def compute(self, nodes: Sequence[TaskNode]) -> None:
        """Compute the inputs of tasks together, which share code."""
        self.loaded = loaded_files()
        by_kind: dict[str, list[TaskNode]] = {}
        for node in nodes:
            by_kind.setdefault(node.task.kind, []).append(node)
        for name, own in by_kind.items():
            kind = self._context.services.task_kind(name)
            if isinstance(kind, KnowsInputs):
                inputs = kind.inputs([node.task for node in own], self._context.working_directory)
            else:
                inputs = [TaskInputs({}, problem=f"the inputs of a task of type '{name}' are not known")] * len(own)
            self._inputs.update(zip(map(id, own), inputs, strict=True))
            for each in inputs:
                remove_stale_bytecode(file for file in each.statuses.items() if file[0] not in self.loaded)

    def _code_of_objects(self, names: Sequence[str], *, any_object: bool) -> Mapping[str, str]:
        """The code of the steps that may have made objects: content alone does not say what their classes do."""
        tasks = list(self._context.graph.tasks())
        makers = [node for node in tasks if any(item.kind == "object" for item in node.task.returns or ())]
        named = [node for node in makers if any(item.name in names for item in node.task.returns or ())]
        if any_object or not {item.name for node in named for item in node.task.returns or ()}.issuperset(names):
            named = tasks
        code: dict[str, str] = {}
        for node in named:
            code.update(self.inputs(node).code)
        return code

    def _environment_text(self) -> str:
        if self._environment is None:
            python = environment_text(sys.path, self._context.working_directory)
            images = [
                identity.code_identifier
                for identity in self._context.code_identities or ()
                if identity.code_identifier_type == "docker"
            ]
            self._environment = " ".join((python, *images))
        return self._environment
