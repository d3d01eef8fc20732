"""What a run that goes on with another one will do: the walk of the orchestrator, over records alone. Called by `app.prepare`.

Everything here is known before anything runs, and nothing of the original is changed.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from magnus.definition.loader import LoadedPipeline
from magnus.engine import fan
from magnus.engine import scope as scopes
from magnus.engine.context import Services
from magnus.engine.resume import can_be_taken, counterparts, missing
from magnus.errors import TaskFailed
from magnus.graph.graph import Graph, branch_of
from magnus.graph.nodes import CompositeNode, RepeatedBranch, TaskNode, TerminalNode
from magnus.graph.path import BranchPath, StepPath, print_names
from magnus.run_log.branches import branches_of
from magnus.run_log.parameters import Parameter, Scope
from magnus.run_log.records import BranchScope, RunRecord, Status, StepRecord

_MOST_SHOWN: Final = 10
_NOT_BEGUN: Final = "it had not begun"


class Plan(Struct, frozen=True):
    """What a run that goes on with another one will do.

    Attributes:
        original_run_id: the run that it goes on with.
        reused: how many steps are taken over.
        goes_on: the steps that run first, each with the reason; what follows them runs too.
        changes: what differs from the original, a line each.
    """

    original_run_id: str
    reused: int
    goes_on: tuple[tuple[str, str], ...]
    changes: tuple[str, ...]

    def lines(self) -> list[str]:
        """The plan as people read it."""
        steps = "step is" if self.reused == 1 else "steps are"
        shown = [f"goes on with {self.original_run_id}: {self.reused} {steps} reused"]
        shown += [f"  runs '{name}' and what follows: {why}" for name, why in self.goes_on[:_MOST_SHOWN]]
        if len(self.goes_on) > _MOST_SHOWN:
            shown.append(f"  and {len(self.goes_on) - _MOST_SHOWN} more like these")
        if not self.goes_on:
            shown.append("  every step succeeded: nothing is left to run")
        return shown + [f"  changed since: {change}" for change in self.changes]


def plan(
    services: Services, original: RunRecord, pipeline: LoadedPipeline, parameters: Scope, changes: Sequence[str]
) -> Plan:
    """What will be taken over and what will run, as far as it can be told before."""
    walk = _Walk(services, original.run_id)
    walk.branch(pipeline.graph, BranchPath(), BranchPath(), BranchScope(parameters))
    return Plan(
        original.run_id, walk.reused, tuple((walk.name(path), why) for path, why in walk.goes_on), tuple(changes)
    )


class _Walk:
    """Follows the original for as long as its steps succeeded."""

    def __init__(self, services: Services, run_id: str) -> None:
        self._store = services.run_log_store
        self._catalog = services.catalog
        self._run_id = run_id
        self.reused = 0
        self.goes_on: list[tuple[StepPath, str]] = []
        self._labels: dict[BranchPath, str] = {}

    def name(self, path: StepPath) -> str:
        """What people call the step."""
        branches = (BranchPath(path.parts[:end]) for end in range(2, len(path.parts), 2))
        labels = [self._labels.get(branch, branch.parts[-1]) for branch in branches]
        around = (name for pair in zip(path.parts[::2], labels, strict=False) for name in pair)
        return print_names((*around, path.name))

    def branch(self, graph: Graph, branch: BranchPath, original: BranchPath, scope: BranchScope) -> fan.Outcome | None:
        """A (sub)pipeline that goes on with a branch of the original, up to the first step that is not taken over.

        What came of it, when all of it is.
        """
        known = {record.path.name: record for record in self._store.list_steps(self._run_id, original)}
        node, own = graph.nodes[graph.start_at], BranchScope()
        while not isinstance(node, TerminalNode):
            path, record = branch.step(node.name), known.get(node.name)
            if record is None or not can_be_taken(record, node):
                self._stops(node, path, record, scope)
                return None
            if gone := missing(self._catalog, record):
                self.goes_on.append((path, f"'{gone}', which it left, is not in the catalog any more"))
                return None
            self.reused += 1
            scope, own = scopes.after(scope, record), scopes.after(own, record)
            node = graph.nodes[node.next]
        return fan.Outcome(branch.parts[-1] if branch.parts else "", node.succeeds, own.parameters, own.files)

    def _stops(
        self, node: TaskNode | CompositeNode, path: StepPath, record: StepRecord | None, scope: BranchScope
    ) -> None:
        before = len(self.goes_on)
        if isinstance(node, CompositeNode) and record is not None and record.branching is not None:
            begun = fan.begun(node, path, record.position, scope)
            if begun.status is Status.FAIL:
                self.goes_on.append((path, f"it cannot begin: {begun.message}"))
            else:
                self._branches(node, begun, record)
        if len(self.goes_on) == before:
            self.goes_on.append((path, _why(record)))

    def _branches(self, node: CompositeNode, begun: StepRecord, original: StepRecord) -> None:
        """The branches that the composite has now, and what each of them goes on with."""
        keys = begun.branching.keys if begun.branching else ()
        self._labels.update({branch.path: branch.label for branch in branches_of(begun)})
        found = counterparts(begun.branching, original.branching)
        for key in keys[-1:] if isinstance(node.branches, RepeatedBranch) else keys:
            graph, branch = branch_of(node, key), begun.path.into(key)
            if key not in found:
                self.goes_on.append((branch.step(graph.start_at), _NOT_BEGUN))
                continue
            scope = fan.branch_scope(node, begun, key)
            outcome = self.branch(graph, branch, original.path.into(found[key]), scope)
            if isinstance(node.branches, RepeatedBranch) and outcome is not None:
                following = fan.joined(node, begun, [outcome], _no_reducer)
                if following.status is Status.PROCESSING:
                    self._branches(node, following, original)


def _no_reducer(*_: object) -> Parameter:
    raise TaskFailed("a loop has no reducer")


def _why(record: StepRecord | None) -> str:
    match record:
        case None:
            return _NOT_BEGUN
        case StepRecord(status=Status.FAIL, message=message):
            first = message.partition("\n")[0]
            return f"it failed: {first}" if first else "it failed"
        case StepRecord(status=Status.SUCCESS):
            return "it is another kind of step now"
        case _:
            return "it had not ended"
