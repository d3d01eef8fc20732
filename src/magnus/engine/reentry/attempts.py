"""One step in a process that another engine started: its path, its attempts, secrets it masks, and what was done with it.

Used by `app.reentry` and `engine_run`.
"""

from collections.abc import Collection, Sequence
from typing import Final

from msgspec import Struct

from magnus.engine.context import RunContext, now
from magnus.engine.interaction.step_secrets import learn
from magnus.engine.rules import fan
from magnus.engine.step import lost_attempts
from magnus.errors import InvalidInput
from magnus.graph.nodes import CompositeNode, Graph, TaskNode, TerminalNode, graphs_of
from magnus.graph.path import BranchPath, StepPath
from magnus.graph.structure import Outline
from magnus.interfaces.run_log_store import CountsSteps, RunLogStore
from magnus.run_log.records import Branching, RunRecord, Status, StepRecord
from magnus.suggest import nearest_or_all

_FEW: Final = 32
"""As many records are read one by one where that is faster than to read all of a branch."""


def step_path(graph: Graph, text: str) -> StepPath:
    """The path that `text` says: parts joined by `/`, percent-encoded, or with `%` for a space; InvalidInput if none."""
    for candidate in dict.fromkeys((text, text.replace("%", "%20"))):
        try:
            path = StepPath.parse(candidate)
            graph.step(path)
        except (ValueError, KeyError):
            continue
        return path
    names = [str(StepPath((name,))) for name in graph.nodes]
    fix = nearest_or_all(text, names, there_are="the steps are")
    raise InvalidInput(f"the pipeline has no step '{text}'", fix=fix)


def names_beside(graph: Graph, path: StepPath, names: Sequence[str]) -> list[str]:
    """The names of steps beside the step at `path`; InvalidInput for one that is not there."""
    within = graph.within(path.branch)
    paths = [step_path(within, name) for name in names]
    if wrong := next((name for name, step in zip(names, paths, strict=True) if len(step.parts) > 1), None):
        raise InvalidInput(f"'--then {wrong}' names a step inside another one", fix=f"name a step beside '{path}'")
    return [step.name for step in paths]


class OneAttempt(Struct, frozen=True):
    """One attempt is to be made.

    Attributes:
        exit_status: of the process before, as the engine says; None where it says nothing.
        attempts: how many there are, where that is more than the step says.
    """

    exit_status: int | None = None
    attempts: int = 0


class Attempts:
    """The attempts to make now of the task at `path`, of which the run log has the record `known`.

    With `one` the next one alone. `is_left` says that the run has passed the task, or finished: then an engine tries the
    workflow again, and the attempts before do not count.

    Attributes:
        number: of the one attempt to make, None for all that are left.
        before: the record that the attempts before left, None before the first one.
        are_over: whether none is to be made, since the task failed as often as it may.
        is_silent_start: whether nobody else says that the step starts.
        leave_another: whether another process makes the next attempt when this one fails.
    """

    def __init__(
        self, path: StepPath, node: TaskNode, known: StepRecord | None, one: OneAttempt | None, *, is_left: bool
    ) -> None:
        self.path = path
        again = known is not None and (is_left or (one is None and known.status is Status.FAIL))
        if again and known is not None:
            self.before: StepRecord | None = lost_attempts.tried_again(known, now())
        else:
            self.before = lost_attempts.continued(known, one.exit_status if one else None, now())
        counted = self.before.attempts[self.before.earlier_attempts :] if self.before is not None else ()
        failures = lost_attempts.own_failures(counted) if one else len(counted)
        most = max(one.attempts if one else 0, node.max_attempts)
        is_one = one is not None and failures < most
        self.number = len(self.before.attempts if self.before is not None else ()) if is_one else None
        self.are_over = one is not None and not is_one and known is not None and known.status is Status.FAIL
        self.is_silent_start = again and self.number is None
        self.leave_another = self.number is not None and failures + 1 < most


class EarlierSecrets:
    """The secrets that earlier processes of the run obtained; each is looked up once."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._masked: set[str] = set()
        outlines = context.graph.outlines
        self._secrets_of = {name: secrets for name, step in outlines.items() if (secrets := _secrets_of(step))}

    def mask(self, run: RunRecord) -> None:
        """Mask what steps that started name under `secrets`, as it is masked where all steps are in one process."""
        services = self._context.services
        if not self._secrets_of:
            return
        started = _started(services.run_log_store, run.run_id, self._secrets_of.keys())
        names = {name for step in started for name in self._secrets_of[step]} - self._masked
        self._masked |= names
        learn(services.secrets, self._context.masker, sorted(names))


def _started(store: RunLogStore, run_id: str, names: Collection[str]) -> list[str]:
    """Which of the steps outside branches have a record."""
    top = BranchPath()
    if isinstance(store, CountsSteps) and len(names) <= _FEW:
        return [name for name in names if store.get_step(run_id, top.step(name)) is not None]
    return [step.path.name for step in store.list_steps(run_id, top) if step.path.name in names]


def _secrets_of(step: Outline) -> Sequence[str]:
    """The names that a task says, or any task inside a step."""
    match step:
        case TerminalNode():
            return ()
        case CompositeNode():
            return [name for graph in graphs_of(step) for task in graph.task_outlines() for name in task.secrets]
        case task:
            return task.secrets


class Act(Struct, frozen=True):
    """What a process did with the step at `path`.

    Attributes:
        status: how the step stands now.
        branches: the paths of the branches to run next.
        tries_again: whether it failed and has attempts left, which other processes make.
    """

    path: StepPath
    status: Status
    branches: tuple[str, ...] = ()
    tries_again: bool = False


def composite_act(node: CompositeNode, record: StepRecord) -> Act:
    """The state of a composite, with the branches to run now: all that have started, of a loop the last one."""
    if record.status is not Status.PROCESSING or record.branching is None:
        return Act(record.path, record.status)
    return Act(record.path, record.status, tuple(str(record.path.into(key)) for key in fan.keys_to_join(node, record)))


def is_joined(loop: StepRecord, iterations: Branching, number: int) -> bool:
    """Whether the iteration was joined before; InvalidInput if it has not started."""
    current = iterations.count - 1
    if number > current:
        message = f"iteration {number} of '{loop.path}' has not started: iteration {current} is the current one"
        raise InvalidInput(message, fix=f"join it first, with '--round {current}'")
    return number < current
