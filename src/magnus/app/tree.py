"""A run as a tree of steps and branches, each with how it stands: what `magnus show` draws."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from magnus.app.listing import status_now
from magnus.engine.scope import folded_own
from magnus.errors import InvalidInput
from magnus.graph.check import near
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.parameters import Scope
from magnus.run_log.records import Branching, RunRecord, Status, StepRecord
from magnus.run_log.summary import ENDED, Gone, RunStatus
from magnus.run_log.view import labels, with_elements
from magnus.values import Json

_TERMINALS = frozenset({"success", "fail"})


class StepNode(Struct, frozen=True):
    """A step; `start` and `end` are those of its attempts, or of what is inside it, None where nothing was tried."""

    record: StepRecord
    status: RunStatus
    took: timedelta | None
    start: datetime | None
    end: datetime | None
    branches: Sequence["BranchNode"] = ()


class BranchNode(Struct, frozen=True):
    """A branch; `label` is what people call it, `value` the element of a map it is for, alone in a tuple."""

    key: str
    label: str
    status: RunStatus
    steps: Sequence[StepNode]
    value: tuple[Json, ...] = ()


class RunTree(Struct, frozen=True):
    """A run with all of its steps that began; `parameters` are those at the end, or by now."""

    run: RunRecord
    status: RunStatus
    steps: Sequence[StepNode]
    parameters: Scope


def run_tree(store: RunLogStore, run: RunRecord) -> RunTree:
    """The whole tree, as it is now."""
    status = status_now(run.status, run.owner)
    over = status in ENDED or status in Gone
    steps = _steps(store, run.run_id, BranchPath(), over=over)
    own = folded_own(step.record for step in steps).parameters
    return RunTree(run, status, steps, {**run.parameters, **own})


def step_node(store: RunLogStore, run: RunRecord, path: StepPath) -> StepNode:
    """The step at `path`, which is there, with what is inside it."""
    status = status_now(run.status, run.owner)
    record = store.get_step(run.run_id, path)
    if record is None:
        raise _no_step(store, run.run_id, str(path))
    return _step(store, run.run_id, record, over=status in ENDED or status in Gone)


def find_step(store: RunLogStore, run_id: str, text: str) -> StepPath:
    """The path of the step of the run that `text` says; InvalidInput with the nearest one when none began there.

    Parts are joined by `/`, each percent-encoded, or with `%` for a space. A branch of a map may be named by its
    element where the run log does so.
    """
    for candidate in dict.fromkeys((text, text.replace("%", "%20"))):
        try:
            path = _with_keys(store, run_id, StepPath.parse(candidate))
        except ValueError:
            continue
        if store.get_step(run_id, path) is not None:
            return path
    raise _no_step(store, run_id, text)


def every_step(store: RunLogStore, run_id: str, branch: BranchPath) -> Iterator[StepRecord]:
    """The steps of the branch in order, each before those inside it."""
    for step in store.list_steps(run_id, branch):
        yield from with_inner_steps(store, run_id, step)


def with_inner_steps(store: RunLogStore, run_id: str, step: StepRecord) -> Iterator[StepRecord]:
    """The step, and those inside it in order."""
    yield step
    for key in step.branching.keys if step.branching else ():
        yield from every_step(store, run_id, step.path.into(key))


def status_of(step: StepRecord, *, over: bool) -> RunStatus:
    """How a step stands; one that had not ended when its run was `over` is lost."""
    return Gone.LOST if over and step.status not in ENDED else step.status


def status_of_branch(steps: Sequence[StepRecord], *, over: bool) -> RunStatus:
    """How a branch stands, by its last step: it has ended at a terminal one."""
    if steps and steps[-1].step_type in _TERMINALS:
        return steps[-1].status
    if not steps:
        return Status.CREATED
    return Gone.LOST if over else Status.PROCESSING


def _with_keys(store: RunLogStore, run_id: str, path: StepPath) -> StepPath:
    """The path with the keys of branches in place of what people call them."""
    branch = BranchPath()
    for name, called in zip(path.parts[:-1:2], path.parts[1::2], strict=True):
        step = store.get_step(run_id, branch.step(name))
        branching = with_elements((step.branching if step else None) or Branching())
        names = dict(zip(labels(branching), branching.keys, strict=True))
        branch = branch.step(name).into(called if called in branching.keys else names.get(called, called))
    return branch.step(path.name)


def _no_step(store: RunLogStore, run_id: str, text: str) -> InvalidInput:
    names = [str(step.path) for step in every_step(store, run_id, BranchPath())]
    match = near(text, names)
    fix = f"did you mean '{match}'?" if match else f"magnus show {run_id} shows the steps that began"
    return InvalidInput(f"no step '{text}' began in the run '{run_id}'", fix=fix)


def _steps(store: RunLogStore, run_id: str, branch: BranchPath, *, over: bool) -> Sequence[StepNode]:
    return [_step(store, run_id, record, over=over) for record in store.list_steps(run_id, branch)]


def _step(store: RunLogStore, run_id: str, record: StepRecord, *, over: bool) -> StepNode:
    status = status_of(record, over=over)
    if record.branching is None:
        attempts = record.attempts
        took = timedelta(seconds=sum(attempt.duration for attempt in attempts)) if attempts else None
        start, end = (attempts[0].start_time, attempts[-1].end_time) if attempts else (None, None)
        return StepNode(record, status, took, start, end)
    branches = list(_branches(store, run_id, record, record.branching, over=over))
    inside = [step for branch in branches for step in branch.steps]
    start = min((step.start for step in inside if step.start), default=None)
    end = max((step.end for step in inside if step.end), default=None)
    took = end - start if start and end and status in ENDED else None
    return StepNode(record, status, took, start, end, branches)


def _branches(
    store: RunLogStore, run_id: str, record: StepRecord, branching: Branching, *, over: bool
) -> Iterator[BranchNode]:
    branching = with_elements(branching)
    elements = branching.elements
    for number, (key, label) in enumerate(zip(branching.keys, labels(branching), strict=True)):
        steps = _steps(store, run_id, record.path.into(key), over=over)
        status = status_of_branch([step.record for step in steps], over=over)
        value = () if elements is None else (elements[number],)
        yield BranchNode(key, label, status, steps, value)
