"""A run as a tree of steps and branches, each with how it stands: what `magnus show` draws."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from magnus.app.inspect.damage import damage
from magnus.app.inspect.find_run import find_run
from magnus.app.inspect.find_step import find_step
from magnus.app.inspect.list_runs import last_heard, status_now
from magnus.app.inspect.run_document import document
from magnus.app.inspect.viewer import Viewer
from magnus.engine.rules.scope import folded_own
from magnus.errors import CatalogError
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.json_bytes import from_bytes
from magnus.run_log.parameters import Scope, handed_reference
from magnus.run_log.records import ENDED, RunHealth, RunRecord, RunStatus, StepRecord
from magnus.run_log.spans import Span, around, span_of
from magnus.run_log.step_walk import Seen, SeenBranch, SeenStep, status_of, status_of_branch, walk, walk_step
from magnus.values import Json


class StepNode(Struct, frozen=True):
    """A step; `span` is that of its attempts, or of what is inside it, None where nothing was tried."""

    record: StepRecord
    status: RunStatus
    span: Span | None = None
    branches: Sequence["BranchNode"] = ()

    @property
    def took(self) -> timedelta | None:
        """How long it took; None when that is not known, or not yet."""
        is_known = self.status in ENDED or not self.branches
        return self.span.duration if self.span is not None and is_known else None


class BranchNode(Struct, frozen=True):
    """A branch; `label` is what people call it, `value` the element of a map it is for, alone in a tuple."""

    key: str
    label: str
    status: RunStatus
    steps: Sequence[StepNode]
    value: tuple[Json, ...] = ()


class RunTree(Struct, frozen=True):
    """A run with all of its steps that began; `parameters` are those at the end, or by now, `damage` lines on its records.

    `last_heard` is when something was recorded last, of a run that another engine runs and that has not ended.
    """

    run: RunRecord
    status: RunStatus
    steps: Sequence[StepNode]
    parameters: Scope
    damage: Sequence[str] = ()
    last_heard: datetime | None = None


def run_tree(store: RunLogStore, run: RunRecord) -> RunTree:
    """The whole tree, as it is now."""
    status = status_now(run.status, run.owner)
    seen = walk(lambda branch: store.list_steps(run.run_id, branch))
    steps = _nodes(seen, BranchPath(), over=_is_over(status))
    own = folded_own(step.record for step in steps).parameters
    is_open = bool(run.owner.workflow_name) and not _is_over(status)
    heard = last_heard(store, run.run_id) if is_open else None
    return RunTree(run, status, steps, {**run.parameters, **own}, damage(store, run).lines(), heard)


def step_node(store: RunLogStore, run: RunRecord, record: StepRecord) -> StepNode:
    """The step, with what is inside it."""
    seen = walk_step(lambda branch: store.list_steps(run.run_id, branch), record)
    [node] = _nodes(seen, record.branch, over=_is_over(status_now(run.status, run.owner)))
    return node


def _is_over(status: RunStatus) -> bool:
    return status in ENDED or status in RunHealth


def _nodes(seen: Iterable[Seen], top: BranchPath, *, over: bool) -> Sequence[StepNode]:
    """What is seen directly in the branch `top`, with what is inside; made from the last to the first."""
    steps: dict[BranchPath, list[StepNode]] = {}
    branches: dict[StepPath, list[BranchNode]] = {}
    for one in reversed(list(seen)):
        match one:
            case SeenStep(record=record):
                inside = branches.pop(record.path, [])[::-1]
                steps.setdefault(record.branch, []).append(_step_node(record, inside, over=over))
            case SeenBranch(branch=branch, of=of):
                nodes = steps.pop(branch.path, [])[::-1]
                status = status_of_branch([node.record for node in nodes], over=over)
                node = BranchNode(branch.key, branch.label, status, nodes, branch.value)
                branches.setdefault(of, []).append(node)
    return steps.get(top, [])[::-1]


def _step_node(record: StepRecord, branches: Sequence[BranchNode], *, over: bool) -> StepNode:
    span = around((span_of(record), *(step.span for branch in branches for step in branch.steps)))
    return StepNode(record, status_of(record, over=over), span, branches)


class ShownStep(Struct, frozen=True):
    """One step of a run with its names and those of what it is in; `given` is what the last attempt was handed, whole.

    `damage` are lines on the records of the run.
    """

    run: RunRecord
    node: StepNode
    names: tuple[str, ...]
    given: Mapping[str, Json]
    damage: Sequence[str] = ()


def show_run(viewer: Viewer, text: str) -> RunTree:
    """The run that the text means, as a tree; RunNotFound when there is none."""
    return run_tree(viewer.store, find_run(viewer.store, text))


def show_step(viewer: Viewer, text: str, step: str) -> ShownStep:
    """One step of the run; InvalidInput when no such step began."""
    run = find_run(viewer.store, text)
    found = find_step(viewer.store, run.run_id, step)
    attempts = found.record.attempts
    given = {name: _whole(value, viewer) for name, value in attempts[-1].parameters.items()} if attempts else {}
    return ShownStep(
        run, step_node(viewer.store, run, found.record), found.names, given, damage(viewer.store, run).lines()
    )


def _whole(value: Json, viewer: Viewer) -> Json:
    """What a task was handed; a large value is read, unless it is not there any more."""
    large = handed_reference(value)
    if large is None:
        return value
    try:
        with viewer.catalog.open(large.catalog_name, large.data_hash, large.size) as file:
            return from_bytes(file.read())
    except CatalogError:
        return value


def show_document(viewer: Viewer, text: str) -> Iterator[str]:
    """The document of the run, as pieces of text; with what is wrong with its records, when something is."""
    run = find_run(viewer.store, text)
    wrong = damage(viewer.store, run)
    return document(viewer.store, run, wrong.as_json() if wrong.lines() else {})


def show_document_of_step(viewer: Viewer, text: str, step: str) -> Json:
    """What the document of the run says of the step."""
    import json  # lazy: seldom asked for

    run = find_run(viewer.store, text)
    names = find_step(viewer.store, run.run_id, step).names
    found: Json = json.loads("".join(document(viewer.store, run)))
    for number, name in enumerate(names):
        found = found["branches" if number % 2 else "steps"][name]
    return found
