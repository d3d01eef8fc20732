"""The use case *run steps in a worker*: what a process needs that an executor keeps for steps of one run.

`app.dispatch.step_runner` names it to executors; they call it in their processes.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from magnus.app.composition import plugins, run_context, services
from magnus.app.composition.configuration import Configuration
from magnus.engine.context import RunContext
from magnus.engine.output.capture import output_file_of
from magnus.engine.secrets.masking import Masker
from magnus.engine.step.run_step import run_step
from magnus.graph.nodes import CompositeNode, Graph, MappedBranches, Node, TaskNode, with_graphs
from magnus.interfaces.executor import StepRequest, Steps, WorkerSpec
from magnus.interfaces.reporter import Event
from magnus.interfaces.secrets import Secret
from magnus.run_log.records import CodeIdentity

Tell: TypeAlias = Callable[[Event | Secret], None]

_ENTRY: Final = "magnus.app.dispatch.worker:prepared"


class WorkerSetup(Struct, frozen=True):
    """The part of a run that steps in other processes need; `folder` is private to the run.

    With `shared` each step works in a copy of the project, which shares only these folders with the project.
    """

    run_id: str
    graph: Graph
    configuration: Configuration
    working_directory: Path
    folder: Path
    kinds: tuple[str, ...]
    tag: str
    definition_file: str
    configuration_file: str
    shared: tuple[Path, ...] | None
    masker: Masker
    code_identities: tuple[CodeIdentity, ...] | None


def worker_spec(configuration: Configuration, context: RunContext) -> WorkerSpec:
    """How processes of this machine run steps of the run of `context`."""
    setup = WorkerSetup(
        run_id=context.run_id,
        graph=_portable(context.graph),
        configuration=configuration.portable(),
        working_directory=context.working_directory,
        folder=context.folder,
        kinds=tuple(sorted({task.task.kind for task in context.graph.tasks()})),
        tag=context.tag,
        definition_file=context.definition_file,
        configuration_file=context.configuration_file,
        shared=None if context.project_copy is None else tuple(context.project_copy.shared),
        masker=context.masker,
        code_identities=context.code_identities,
    )
    return WorkerSpec(_ENTRY, setup, context.reporter.report, partial(_mask, context.masker))


def _portable(graph: Graph) -> Graph:
    """The graph with functions that only this process has as bytes."""
    if not graph.needs_this_process():
        return graph
    return replace(graph, nodes={name: _portable_node(node) for name, node in graph.nodes.items()})


def _portable_node(node: Node) -> Node:
    from magnus.engine.user_code.pickled_functions import pickled  # lazy: most functions are in modules

    match node:
        case TaskNode(task=task) if task.function is not None:
            return replace(node, task=replace(task, function=pickled(task.function)))
        case CompositeNode(branches=MappedBranches(function=function) as mapped) if function is not None:
            changed = replace(mapped, graph=_portable(mapped.graph), function=pickled(function))
            return replace(node, branches=changed)
        case CompositeNode():
            return with_graphs(node, lambda _name, graph: _portable(graph))
        case _:
            return node


def prepared(setup: WorkerSetup) -> Callable[[Tell], AbstractContextManager[Steps]]:
    """Import what the steps will need; the rest is done in each process, since it opens files and starts threads."""
    for kind in setup.kinds:
        services.task_kind(kind)
    for family in ("run_log_store", "catalog", "secrets", "experiment_tracker"):
        plugins.find(family, getattr(setup.configuration, family).type)
    if any(task.catalog.get or task.catalog.put for task in setup.graph.tasks()):
        import_module("magnus.engine.files.catalog_files")
    if setup.shared is not None:
        import_module("magnus.engine.files.project_copy")
    return partial(_opened, setup)


@contextmanager
def _opened(setup: WorkerSetup, tell: Tell) -> Iterator[Steps]:
    built = services.services(setup.configuration, setup.working_directory)
    with run_context.run_context(
        setup.run_id,
        setup.graph,
        built,
        _Reports(tell),
        working_directory=setup.working_directory,
        temporary=setup.folder,
        masker=setup.masker.telling(tell),
        output=output_file_of(setup.folder, os.getpid()),
        tag=setup.tag,
        definition_file=setup.definition_file,
        configuration_file=setup.configuration_file,
        shared=setup.shared,
    ) as context:
        yield _StepsHere(replace(context, code_identities=setup.code_identities))


class _StepsHere:
    """Runs steps in this process."""

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def run(self, request: StepRequest) -> None:
        run_step(self._context, request)

    def mask(self, secret: Secret) -> None:
        _mask(self._context.masker, secret)


def _mask(masker: Masker, secret: Secret) -> None:
    masker.learn(secret.value)


class _Reports:
    """A Reporter that passes every event on."""

    def __init__(self, report: Tell) -> None:
        self.report = report
