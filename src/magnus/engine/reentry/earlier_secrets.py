"""Secrets of steps that ran in other processes of an engine: this process masks them too. Used by `engine_run`."""

from collections.abc import Iterator

from magnus.engine.context import RunContext
from magnus.engine.interaction.step_secrets import learn
from magnus.graph.nodes import CompositeNode, Node, TaskNode, graphs_of
from magnus.graph.path import BranchPath
from magnus.run_log.records import RunRecord


class EarlierSecrets:
    """The secrets that earlier processes of the run obtained; each is looked up once."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._masked: set[str] = set()

    def mask(self, run: RunRecord) -> None:
        """Mask what steps that started name under `secrets`, as it is masked where all steps are in one process."""
        graph, services = self._context.graph, self._context.services
        if not any(task.secrets for task in graph.tasks()):
            return
        started = services.run_log_store.list_steps(run.run_id, BranchPath())
        nodes = (graph.nodes.get(step.path.name) for step in started)
        names = {name for node in nodes for name in _secrets_of(node)} - self._masked
        self._masked |= names
        learn(services.secrets, self._context.masker, sorted(names))


def _secrets_of(node: Node | None) -> Iterator[str]:
    """The names that a task says, or any task inside a step."""
    match node:
        case TaskNode(secrets=names):
            yield from names
        case CompositeNode():
            yield from (name for graph in graphs_of(node) for task in graph.tasks() for name in task.secrets)
        case _:
            pass
