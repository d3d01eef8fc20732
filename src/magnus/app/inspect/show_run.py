"""Reads a run as a tree of steps and branches, one of its steps, or its run log document."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from magnus.app.inspect.damage import damage
from magnus.app.inspect.find import find_run, find_step
from magnus.app.inspect.list_runs import last_heard
from magnus.app.inspect.run_document import document
from magnus.app.inspect.run_state import state_of
from magnus.app.inspect.viewer import Viewer
from magnus.app.text.object_references import objects_by_hash
from magnus.engine.rules.scope import folded_own
from magnus.errors import CatalogError
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.element_captions import captions
from magnus.run_log.json_bytes import from_bytes
from magnus.run_log.next_commands import Command, next_commands
from magnus.run_log.parameters import ObjectParameter, Scope, argument_reference
from magnus.run_log.records import ENDED, RunRecord, RunStatus, Span, StepRecord, around, span_of
from magnus.run_log.step_walk import Seen, SeenBranch, SeenStep, status_of, status_of_branch, walk, walk_step
from magnus.values import Json


class StepNode(Struct, frozen=True):
    """A step; `span` is the time of its attempts, or of the steps inside it, None without any."""

    record: StepRecord
    status: RunStatus
    span: Span | None = None
    branches: Sequence["BranchNode"] = ()

    @property
    def took(self) -> timedelta | None:
        """The duration; None if it is unknown, or the step still runs."""
        is_known = self.status in ENDED or not self.branches
        return self.span.duration if self.span is not None and is_known else None


class BranchNode(Struct, frozen=True):
    """A branch; `label` is its name for people, `value` the element of a map, alone in a tuple.

    `caption` has the keys and values by which the element differs from others, or "".
    """

    key: str
    label: str
    status: RunStatus
    steps: Sequence[StepNode]
    value: tuple[Json, ...] = ()
    caption: str = ""


class RunTree(Struct, frozen=True):
    """A run with all steps that started; `parameters` are the last values, `damage` has lines about its records.

    `status` and `message` say how the run stands. `last_heard` is the time of the last record, for an unfinished run of another engine.
    `commands` are the commands to continue with if it failed, `objects` the objects of its steps by their hashes.
    """

    run: RunRecord
    status: RunStatus
    message: str
    steps: Sequence[StepNode]
    parameters: Scope
    damage: Sequence[str] = ()
    last_heard: datetime | None = None
    commands: Sequence[Command] = ()
    objects: Mapping[str, ObjectParameter] = {}


def run_tree(store: RunLogStore, run: RunRecord) -> RunTree:
    """The whole tree, as it is now."""
    state = state_of(run)

    def steps_of(branch: BranchPath) -> Sequence[StepRecord]:
        return store.list_steps(run.run_id, branch)

    seen = list(walk(steps_of))
    steps = _nodes(seen, BranchPath(), over=state.is_over)
    own = folded_own(step.record for step in steps).parameters
    is_open = bool(run.owner.workflow_name) and not state.is_over
    heard = last_heard(store, run.run_id) if is_open else None
    commands = next_commands(run, state.status, steps_of)
    parameters, wrong = {**run.parameters, **own}, damage(store, run, state).lines()
    return RunTree(run, state.status, state.message, steps, parameters, wrong, heard, commands, _objects(run, seen))


def _objects(run: RunRecord, seen: Iterable[Seen]) -> Mapping[str, ObjectParameter]:
    """The objects that the steps set, by their hashes."""
    steps = (one.record.parameters.values() for one in seen if isinstance(one, SeenStep))
    return objects_by_hash(chain(run.parameters.values(), *steps))


def step_node(store: RunLogStore, run: RunRecord, record: StepRecord) -> StepNode:
    """The step with its branches."""
    seen = walk_step(lambda branch: store.list_steps(run.run_id, branch), record)
    [node] = _nodes(seen, record.branch, over=state_of(run).is_over)
    return node


def _nodes(seen: Iterable[Seen], top: BranchPath, *, over: bool) -> Sequence[StepNode]:
    """The steps in the branch `top` with their branches, made from the last to the first."""
    steps: dict[BranchPath, list[StepNode]] = {}
    branches: dict[StepPath, list[BranchNode]] = {}
    for one in reversed(list(seen)):
        match one:
            case SeenStep(record=record):
                inside = _captioned(branches.pop(record.path, [])[::-1])
                steps.setdefault(record.branch, []).append(_step_node(record, inside, over=over))
            case SeenBranch(branch=branch, of=of):
                nodes = steps.pop(branch.path, [])[::-1]
                status = status_of_branch([node.record for node in nodes], over=over)
                node = BranchNode(branch.key, branch.label, status, nodes, branch.value)
                branches.setdefault(of, []).append(node)
    return steps.get(top, [])[::-1]


def _captioned(branches: Sequence[BranchNode]) -> Sequence[BranchNode]:
    """The branches of a step, with captions if they are of a map over mappings."""
    if not branches or not branches[0].value or not isinstance(branches[0].value[0], dict):
        return branches
    texts = captions([branch.value[0] for branch in branches if branch.value])
    return [replace(branch, caption=text) for branch, text in zip(branches, texts, strict=True)]


def _step_node(record: StepRecord, branches: Sequence[BranchNode], *, over: bool) -> StepNode:
    span = around((span_of(record), *(step.span for branch in branches for step in branch.steps)))
    return StepNode(record, status_of(record, over=over), span, branches)


class ShownStep(Struct, frozen=True):
    """One step of a run with its names and the names around it; `inputs` are the full parameters of its last attempt.

    `damage` are lines on the records of the run, `objects` the objects of its steps by their hashes.
    """

    run: RunRecord
    node: StepNode
    names: tuple[str, ...]
    inputs: Mapping[str, Json]
    damage: Sequence[str] = ()
    objects: Mapping[str, ObjectParameter] = {}


def show_run(viewer: Viewer, text: str) -> RunTree:
    """The run that the text means, as a tree; RunNotFound when there is none."""
    return run_tree(viewer.store, find_run(viewer.store, text))


def show_step(viewer: Viewer, text: str, step: str) -> ShownStep:
    """One step of the run; InvalidInput if no such step started."""
    run = find_run(viewer.store, text)
    step_seen = find_step(viewer.store, run.run_id, step)
    attempts = step_seen.record.attempts
    inputs = {name: _whole(value, viewer) for name, value in attempts[-1].parameters.items()} if attempts else {}
    objects = _objects(run, walk(lambda branch: viewer.store.list_steps(run.run_id, branch)))
    node, wrong = step_node(viewer.store, run, step_seen.record), damage(viewer.store, run).lines()
    return ShownStep(run, node, step_seen.names, inputs, wrong, objects)


def _whole(value: Json, viewer: Viewer) -> Json:
    """The value of a parameter; a large value is read, unless its content is gone."""
    large = argument_reference(value)
    if large is None:
        return value
    try:
        with viewer.catalog.open(large.catalog_name, large.data_hash, large.size) as file:
            return from_bytes(file.read())
    except CatalogError:
        return value


def show_document(viewer: Viewer, text: str) -> Iterator[str]:
    """The document of the run, as pieces of text; it ends with the damage of the records, if there is any."""
    run = find_run(viewer.store, text)
    wrong = damage(viewer.store, run)
    return document(viewer.store, run, wrong.as_json() if wrong.lines() else {})


def show_document_of_step(viewer: Viewer, text: str, step: str) -> Json:
    """The entry of the step in the document of the run."""
    import json  # lazy: seldom asked for

    run = find_run(viewer.store, text)
    names = find_step(viewer.store, run.run_id, step).names
    entry: Json = json.loads("".join(document(viewer.store, run)))
    for number, name in enumerate(names):
        entry = entry["branches" if number % 2 else "steps"][name]
    return entry
