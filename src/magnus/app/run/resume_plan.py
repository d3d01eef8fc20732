"""Plans a run that resumes another: the walk of the orchestrator over records alone, and how the two runs differ.

The plan is complete before any step runs, and changes nothing in the original.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from magnus.app.inspect.damage import damage
from magnus.app.inspect.step_code import Pieces, changed_pieces, pieces_text, recorded_code
from magnus.app.parameters.parameters_read import OutdatedStep, ParameterReaders
from magnus.definition.loader import LoadedPipeline
from magnus.definition.normal_form import written_steps
from magnus.engine.context import Services
from magnus.engine.rules import fan
from magnus.engine.rules import scope as scopes
from magnus.engine.run.reuse import NOT_STARTED, counterparts, reason_to_run
from magnus.errors import TaskFailed
from magnus.graph.nodes import CompositeNode, Graph, RepeatedBranch, TaskNode, TerminalNode, branch_of
from magnus.graph.path import BranchPath, StepPath, print_names
from magnus.run_log.parameters import Parameter, Scope, shown
from magnus.run_log.records import BranchScope, RunRecord, Status, StepRecord
from magnus.run_log.step_walk import branches_of
from magnus.values import Json

_MOST_SHOWN: Final = 10


class Plan(Struct, frozen=True):
    """The plan of a run that resumes another.

    Attributes:
        original_run_id: the run that it resumes.
        reused: the number of reused steps.
        first_steps: the steps that run first, each with the reason; all steps that follow them run too.
        changes: the differences from the original, a line each.
        damage: the faults in the records of the original, a line each.
        outdated: the reused steps that read initial parameters with other values now, each with these parameters.
        outdated_paths: the same by the paths of the steps.
    """

    original_run_id: str
    reused: int
    first_steps: tuple[tuple[str, str], ...]
    changes: tuple[str, ...]
    damage: tuple[str, ...] = ()
    outdated: tuple[tuple[str, str], ...] = ()
    outdated_paths: Mapping[str, Json] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The plan as text: one line for each fact."""
        steps = "step is" if self.reused == 1 else "steps are"
        texts = [f"resumes {self.original_run_id}: {self.reused} {steps} reused"]
        texts += [f"  warning: '{name}' is reused, and read {what}" for name, what in self.outdated[:_MOST_SHOWN]]
        if len(self.outdated) > _MOST_SHOWN:
            texts.append(f"  warning: so are {len(self.outdated) - _MOST_SHOWN} more steps that read what changed")
        if self.outdated:
            texts.append("  their results belong to the old values: run them with a new run, without --use-cached")
        texts += [f"  runs '{name}' and what follows: {why}" for name, why in self.first_steps[:_MOST_SHOWN]]
        if len(self.first_steps) > _MOST_SHOWN:
            texts.append(f"  and {len(self.first_steps) - _MOST_SHOWN} more like these")
        if not self.first_steps:
            texts.append("  every step succeeded: nothing is left to run")
        texts += [f"  changed since: {change}" for change in self.changes]
        return texts + [f"  records of {self.original_run_id}: {line}" for line in self.damage]


def plan(
    services: Services,
    original: RunRecord,
    pipeline: LoadedPipeline,
    parameters: Scope,
    changes: Sequence[str],
    working_directory: Path,
    from_step: str = "",
) -> Plan:
    """The steps that will be reused and the first steps that will run, as far as the records show."""
    readers = ParameterReaders(services.run_log_store, original, parameters, pipeline, working_directory)
    walk = _Walk(services, original.run_id, readers, from_step)
    walk.branch(pipeline.graph, BranchPath(), BranchPath(), BranchScope(parameters))
    return Plan(
        original.run_id,
        walk.reused,
        tuple((walk.name(path), why) for path, why in walk.first_steps),
        tuple(changes),
        tuple(damage(services.run_log_store, original).lines()),
        tuple((walk.name(outdated.path), _changed(outdated, original, parameters)) for outdated in walk.outdated),
        {
            str(outdated.path): {"step": walk.name(outdated.path), "read": [*outdated.parameters]}
            for outdated in walk.outdated
        },
    )


def _changed(step: OutdatedStep, original: RunRecord, parameters: Scope) -> str:
    """`'min_auc', which was 0.5 and is 0.8`."""
    from magnus.app.compare.sentences import was_is  # lazy: few reused steps are outdated

    before, after = original.parameters, parameters
    texts = (
        f"'{name}', which {was_is(shown(before[name]), shown(after[name]))}"
        if name in before
        else f"'{name}', which is new"
        for name in step.parameters
    )
    return " and ".join(texts)


class _Walk:
    """Follows the original for as long as its steps succeeded."""

    def __init__(self, services: Services, run_id: str, readers: ParameterReaders, from_step: str) -> None:
        self._from = from_step
        self._readers = readers
        self.outdated: list[OutdatedStep] = []
        self._store = services.run_log_store
        self._catalog = services.catalog
        self._run_id = run_id
        self.reused = 0
        self.first_steps: list[tuple[StepPath, str]] = []
        self._labels: dict[BranchPath, str] = {}

    def name(self, path: StepPath) -> str:
        """The name of the step for users."""
        branches = (BranchPath(path.parts[:end]) for end in range(2, len(path.parts), 2))
        all_labels = {**self._readers.labels, **self._labels}
        labels = [all_labels.get(branch, branch.parts[-1]) for branch in branches]
        around = (name for pair in zip(path.parts[::2], labels, strict=False) for name in pair)
        return print_names((*around, path.name))

    def branch(self, graph: Graph, branch: BranchPath, original: BranchPath, scope: BranchScope) -> fan.Outcome | None:
        """Follow a branch of the original up to the first step that is not reused.

        Returns the outcome of the branch when all its steps are reused.
        """
        records = {record.path.name: record for record in self._store.list_steps(self._run_id, original)}
        node, own = graph.nodes[graph.start_at], BranchScope()
        while not isinstance(node, TerminalNode):
            path, record = branch.step(node.name), records.get(node.name)
            why = reason_to_run(record, node, self._catalog, self._from)
            if record is None or why:
                self._stops(node, path, record, scope, why)
                return None
            self.reused += 1
            if self._readers.changed:
                self.outdated += self._readers.outdated(record, path, scope.parameters)
            scope, own = scopes.after(scope, record), scopes.after(own, record)
            node = graph.nodes[node.next]
        return fan.Outcome(branch.parts[-1] if branch.parts else "", node.succeeds, own.parameters, own.files)

    def _stops(
        self, node: TaskNode | CompositeNode, path: StepPath, record: StepRecord | None, scope: BranchScope, why: str
    ) -> None:
        """Add a step that runs; for a composite with branches, the first steps that run in them."""
        before = len(self.first_steps)
        if isinstance(node, CompositeNode) and record is not None and record.branching is not None:
            started = fan.start(node, path, record.position, scope)
            if started.status is Status.FAIL:
                self.first_steps.append((path, f"it cannot start: {started.message}"))
            else:
                self._branches(node, started, record)
        if len(self.first_steps) == before:
            self.first_steps.append((path, why))

    def _branches(self, node: CompositeNode, started: StepRecord, original: StepRecord) -> None:
        """Follow the branches that the composite has now, each with its branch of the original."""
        keys = started.branching.keys if started.branching else ()
        self._labels.update({branch.path: branch.label for branch in branches_of(started)})
        counterpart = counterparts(started.branching, original.branching)
        for key in keys[-1:] if isinstance(node.branches, RepeatedBranch) else keys:
            graph, branch = branch_of(node, key), started.path.into(key)
            if key not in counterpart:
                self.first_steps.append((branch.step(graph.start_at), NOT_STARTED))
                continue
            scope = fan.branch_scope(node, started, key)
            outcome = self.branch(graph, branch, original.path.into(counterpart[key]), scope)
            if isinstance(node.branches, RepeatedBranch) and outcome is not None:
                following = fan.join(node, started, [outcome], _no_reducer)
                if following.status is Status.PROCESSING:
                    self._branches(node, following, original)


def _no_reducer(*_: object) -> Parameter:
    raise TaskFailed("a loop has no reducer")


def changes(
    original: RunRecord,
    pipeline: LoadedPipeline,
    parameters: Scope,
    code: Mapping[str, Pieces],
    configured: Mapping[str, Json],
) -> Iterator[str]:
    """Steps whose definition or code differs, parameters, and services; `code` is that of the steps now."""
    yield from _changed_code(original, code)
    yield from _changed_steps(original, pipeline)
    yield from _changed_parameters(original, parameters)
    yield from (
        f"{family} is configured in another way" for family in configured if _differs(original, family, configured)
    )


def _differs(original: RunRecord, family: str, configured: Mapping[str, Json]) -> bool:
    return family in original.run_config and original.run_config[family] != configured[family]


def _changed_code(original: RunRecord, code: Mapping[str, Pieces]) -> Iterator[str]:
    before = recorded_code(original.run_config)
    if before is None:
        if code:
            yield "the code of the steps cannot be compared: another version of magnus recorded it"
        return
    for name, pieces in code.items():
        if name in before and (different := changed_pieces(before[name], pieces)):
            yield f"step '{name}' has other code ({pieces_text(different)})"


def _changed_steps(original: RunRecord, pipeline: LoadedPipeline) -> Iterator[str]:
    config = original.run_config
    included = config.get("included") or {}
    file = str(config.get("pipeline_file") or "")
    before = dict(written_steps(config.get("dag"), file=file, included=included))
    after = dict(written_steps(pipeline.dag, file=pipeline.file, included=pipeline.included))
    for name, step in after.items():
        old = before.get(name)
        if old is None:
            yield f"step '{name}' is new"
        elif old != step:
            fields = sorted(key for key in {*old, *step} if old.get(key) != step.get(key))
            yield f"step '{name}' is defined in another way ({', '.join(fields)})"
    yield from (f"step '{name}' is gone" for name in before if name not in after)


def _changed_parameters(original: RunRecord, parameters: Scope) -> Iterator[str]:
    before = original.parameters
    for name, value in parameters.items():
        if name not in before:
            yield f"parameter '{name}' is new"
        elif value is not before[name] and shown(value) != shown(before[name]):
            yield f"parameter '{name}' has another value"
