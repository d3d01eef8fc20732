"""Finds reused steps that read initial parameters whose values changed, so that their results contradict them.

The record of a step has the parameters it received. A shell command or a notebook receives all of them, so only the names
in its text count.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from magnus.app.composition import services
from magnus.definition.loader import LoadedPipeline
from magnus.errors import MagnusError
from magnus.graph.nodes import ChosenBranch, CompositeNode, MappedBranches, Node, RepeatedBranch, TaskNode, TaskSpec
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.run_log_store import RunLogStore
from magnus.interfaces.task_kind import StaticAnalysis
from magnus.run_log.parameters import Parameter, Scope, shown
from magnus.run_log.records import RunRecord, StepRecord
from magnus.run_log.step_walk import branches_of

if TYPE_CHECKING:
    from magnus.graph.dataflow.facts import Description  # lazy: tasks are described where a parameter changed


class OutdatedStep(Struct, frozen=True):
    """A reused step, with the initial parameters that it read and that have other values now."""

    path: StepPath
    parameters: tuple[str, ...]


class ParameterReaders:
    """Finds the steps of the original that read an initial parameter that changed.

    `labels` are the names people use for the branches it looked into.
    """

    def __init__(
        self,
        store: RunLogStore,
        original: RunRecord,
        parameters: Scope,
        pipeline: LoadedPipeline,
        working_directory: Path,
    ) -> None:
        self._store = store
        self._original = original
        self._parameters = parameters
        self._graph = pipeline.graph
        self._working_directory = working_directory
        self._descriptions: dict[int, Description | None] = {}
        self.labels: dict[BranchPath, str] = {}
        self.changed = frozenset(name for name in parameters if _differs(original.parameters, parameters, name))

    def outdated(
        self, record: StepRecord, path: StepPath, scope: Scope, but: frozenset[str] = frozenset()
    ) -> Iterator[OutdatedStep]:
        """The step, which is reused as `path`, and steps in its branches, as far as they read what changed.

        A parameter that a step before it set to something else is not one of these, nor is one in `but`.
        """
        names = {name for name in self.changed - but if scope.get(name) is self._parameters[name]}
        if not names:
            return
        node = self._graph.step(path)
        read = tuple(sorted(name for name in names if name in self._read(node, record)))
        if read:
            yield OutdatedStep(path, read)
        if isinstance(node, CompositeNode):
            shadowed = but | _own_names(node)
            self.labels.update({branch.path: branch.label for branch in branches_of(replace(record, path=path))})
            for key in record.branching.keys if record.branching else ():
                set_inside: set[str] = set()
                for inner in self._store.list_steps(self._original.run_id, record.path.into(key)):
                    if not inner.is_terminal:
                        own = shadowed | set_inside
                        yield from self.outdated(inner, path.into(key).step(inner.path.name), scope, own)
                    set_inside.update(inner.parameters)

    def _read(self, node: Node, record: StepRecord) -> frozenset[str]:
        """The names that a step read, spelled as parameters."""
        match node:
            case (
                CompositeNode(branches=MappedBranches(iterate_on=name))
                | CompositeNode(branches=ChosenBranch(parameter=name))
            ):
                return self._spelled((name,))
            case CompositeNode(branches=RepeatedBranch(break_on=str(name))):
                return self._spelled((name,))
            case TaskNode(task=task):
                description = self._description(task)
                seen = self._received(record)
                if description is None or description.passes_all:
                    return self._spelled(seen)
                needs = frozenset(need.name for need in description.needs)
                return self._spelled(needs if description.sees_all else {*needs, *seen})
            case _:
                return frozenset()

    def _received(self, record: StepRecord) -> Sequence[str]:
        """The names of the parameters the step received in the run that executed it, perhaps an original of the original."""
        run, seen = self._original, {self._original.run_id}
        while not record.attempts and run.original_run_id and run.original_run_id not in seen:
            seen.add(run.original_run_id)
            try:
                run = self._store.get_run(run.original_run_id)
                before = self._store.get_step(run.run_id, record.path)
            except MagnusError:
                break
            if before is None:
                break
            record = before
        return tuple(record.attempts[-1].parameters) if record.attempts else ()

    def _description(self, task: TaskSpec) -> "Description | None":
        """The description of the task from its text; None when there is none."""
        if id(task) not in self._descriptions:
            self._descriptions[id(task)] = self._described(task)
        return self._descriptions[id(task)]

    def _described(self, task: TaskSpec) -> "Description | None":
        kind = services.task_kind(task.kind)
        if not isinstance(kind, StaticAnalysis):
            return None
        with suppress(Exception):  # a text that cannot be read tells nothing
            return kind.describe(task, self._working_directory, imports=False)
        return None

    def _spelled(self, names: Sequence[str] | frozenset[str] | set[str]) -> frozenset[str]:
        """The initial parameters that these names find, which may be spelled in another case."""
        lower = {name.lower() for name in names}
        return frozenset(name for name in self.changed if name in names or name.lower() in lower)


def _differs(before: Mapping[str, Parameter], after: Scope, name: str) -> bool:
    old, new = before.get(name), after[name]
    return old is not new and (old is None or shown(old) != shown(new))


def _own_names(node: CompositeNode) -> frozenset[str]:
    """The parameters that the composite itself sets in its branches."""
    match node.branches:
        case MappedBranches(iterate_as=name):
            return frozenset({name})
        case RepeatedBranch(index_as=str(name)):
            return frozenset({name})
        case _:
            return frozenset()
