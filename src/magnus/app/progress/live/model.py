"""Folds the events of a run into a tree of steps and branches; `at` is a monotonic time in seconds.

When a step or branch ends, the steps inside it that succeeded become numbers; failed ones stay. So the tree of a map over
a million elements is small.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Final

from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.reporter import (
    AttemptFailed,
    BranchEnded,
    BranchesStarted,
    Event,
    Logged,
    Planned,
    RunEnded,
    RunStarted,
    StepEnded,
    StepLoading,
    StepOutput,
    StepReused,
    StepStarted,
    StepWaiting,
    Warned,
)
from magnus.run_log.records import Branching, Status

_TAIL_BYTES: Final = 2048
_MOST_STEPS: Final = 300
_LATE_STEPS: Final = 150
_EARLY_FAILURES: Final = 50


class State(Enum):
    """The state of a step or a branch; STOPPED is one that had not finished when the run did.

    WAITING is a step whose job waits for a machine.
    """

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    REUSED = "reused"
    FAILED = "failed"
    STOPPED = "stopped"


_OPEN: Final = frozenset({State.WAITING, State.RUNNING})


class Step:
    """A step with its branches.

    Attributes:
        started, took: in seconds; `took` counts when it has finished.
        failed_attempts: the number of failed attempts before the last one; `retry_at` is the start of the next attempt.
        branching: the branches that started, of a composite.
        branches: the branches that run or stay on display, by key.
        done, failed: the numbers of branches in that state; `failed_within` counts failed steps in branches that succeeded.
        loading: the module that it has been loading for a while, or "".
        job, reason: the job that it waits for, and why that does not run; "" if unknown.
        tail: the end of its output.
    """

    __slots__ = (
        "_captions", "_labels", "branches", "branching", "done", "failed", "failed_attempts", "failed_within", "job",
        "loading", "message", "name", "reason", "retry_at", "started", "state", "step_type", "tail", "took",
    )  # fmt: skip

    def __init__(self, name: str, step_type: str, at: float) -> None:
        self.name = name
        self.step_type = step_type
        self.state = State.RUNNING
        self.started = at
        self.took = 0.0
        self.message = ""
        self.failed_attempts = 0
        self.retry_at = 0.0
        self.branching: Branching | None = None
        self.branches: dict[str, Branch] = {}
        self.done = self.failed = self.failed_within = 0
        self.loading = self.job = self.reason = ""
        self.tail = b""
        self._labels: Sequence[str] | None = None
        self._captions: Sequence[str] | None = None

    def label(self, key: str) -> str:
        """The label of the branch that people read."""
        if self.branching is None or self.branching.values is None:
            return key
        if self._labels is None:
            from magnus.run_log.step_walk import labels  # lazy: only maps have elements

            self._labels = labels(self.branching)
        return self._labels[int(key)]

    def caption(self, key: str) -> str:
        """The keys and values by which the element of the branch differs from others, or ""."""
        if self.branching is None or self.branching.values is None:
            return ""
        if self._captions is None:
            from magnus.run_log.element_captions import captions  # lazy: only maps have elements
            from magnus.run_log.step_walk import with_elements

            self._captions = captions(with_elements(self.branching).elements)
        return self._captions[int(key)] if self._captions else ""


class Branch:
    """One (sub)pipeline: its steps in the order of their starts, by name.

    A long one keeps its last steps and its first failed ones; `gone` counts the others, `gone_failed` the failed ones
    among them.
    """

    __slots__ = ("gone", "gone_failed", "started", "state", "steps", "took")

    def __init__(self, at: float) -> None:
        self.state = State.RUNNING
        self.started = at
        self.took = 0.0
        self.steps: dict[str, Step] = {}
        self.gone = self.gone_failed = 0

    def shorten(self) -> None:
        """Drop early steps."""
        steps = list(self.steps.items())
        early, late = steps[:-_LATE_STEPS], steps[-_LATE_STEPS:]
        failed = [(name, step) for name, step in early if step.state is State.FAILED]
        early_failures = failed[:_EARLY_FAILURES]
        self.gone += len(early) - len(early_failures)
        self.gone_failed += len(failed) - len(early_failures)
        self.steps = dict(early_failures + late)


class Tree:
    """The run; `counts` is the number of steps without branches in each state."""

    def __init__(self) -> None:
        self.started: RunStarted | None = None
        self.ended: RunEnded | None = None
        self.started_at = 0.0
        self.root = Branch(0.0)
        self.counts = dict.fromkeys(State, 0)

    def take(self, event: Event, at: float) -> None:
        """Add an event that happened at that time."""
        match event:
            case RunStarted():
                self.started, self.started_at = event, at
            case RunEnded():
                self.ended = event
                self.stop()
            case StepWaiting(path, job, reason):
                self._wait(path, job, reason, at)
            case StepStarted(path, step_type):
                self._begin(path, step_type, at)
            case StepReused(path, step_type):
                self._end(self._begin(path, step_type, at), State.REUSED)
            case BranchEnded(path, succeeded):
                self._end_branch(path, at, succeeded=succeeded)
            case StepOutput() | StepLoading() | AttemptFailed() | StepEnded() | BranchesStarted():
                self._take_of_step(event, self._step(event.path, at), at)
            case Planned() | Warned() | Logged():
                pass

    def _take_of_step(
        self, event: StepOutput | StepLoading | AttemptFailed | StepEnded | BranchesStarted, step: Step, at: float
    ) -> None:
        match event:
            case StepLoading(_, what):
                step.loading = what
            case StepOutput(_, data):
                step.tail = (step.tail + data)[-_TAIL_BYTES:]
            case AttemptFailed(_, _, message, retry_in):
                step.failed_attempts += 1
                step.message, step.retry_at = message, at + retry_in
            case StepEnded(_, _, status, message, took):
                step.message, step.took = message, took
                self._end(step, State.DONE if status is Status.SUCCESS else State.FAILED)
            case BranchesStarted(_, branching):
                if step.branching is None:
                    self.counts[step.state] -= 1
                step.branching = branching

    def stop(self) -> None:
        """Mark everything that still runs as stopped."""
        self._stop(self.root)

    def _wait(self, path: StepPath, job: str, reason: str, at: float) -> None:
        """The step waits; one that ran before keeps its branches, as a composite that one job runs."""
        step = self._step(path, at)
        if step.state is State.RUNNING and step.branching is None:
            step.state = State.WAITING
            self.counts[State.RUNNING] -= 1
            self.counts[State.WAITING] += 1
        step.job, step.reason = job, reason

    def _begin(self, path: StepPath, step_type: str, at: float) -> Step:
        step = Step(path.name, step_type, at)
        branch = self._branch(path.branch, at)
        before = branch.steps.get(path.name)
        if before is not None and before.state in _OPEN:  # it waited, or another process makes an attempt
            self._stop_step(before)
        branch.steps[path.name] = step
        if len(branch.steps) > _MOST_STEPS:
            branch.shorten()
        self.counts[State.RUNNING] += 1
        return step

    def _step(self, path: StepPath, at: float) -> Step:
        """The step at the path; a step without a start event starts now."""
        return self._branch(path.branch, at).steps.get(path.name) or self._begin(path, "", at)

    def _branch(self, path: BranchPath, at: float) -> Branch:
        branch = self.root
        for name, key in zip(path.parts[::2], path.parts[1::2], strict=True):
            step = branch.steps.get(name)
            if step is None:
                step = branch.steps[name] = Step(name, "", at)
            inner = step.branches.get(key)
            if inner is None:
                inner = step.branches[key] = Branch(at)
            branch = inner
        return branch

    def _end(self, step: Step, state: State) -> None:
        if step.branching is None:
            self.counts[step.state] -= 1
            self.counts[state] += 1
        step.state, step.tail, step.loading = state, b"", ""
        if state is not State.FAILED:
            step.branches.clear()

    def _end_branch(self, path: BranchPath, at: float, *, succeeded: bool) -> None:
        assert path.composite is not None
        step, key = self._step(path.composite, at), path.parts[-1]
        branch = self._branch(path, at)
        branch.state, branch.took = (State.DONE if succeeded else State.FAILED), at - branch.started
        if succeeded:
            step.done += 1
            step.failed_within += sum(
                inner.failed_within + (inner.state is State.FAILED) for inner in branch.steps.values()
            )
            branch.steps.clear()
            if not (step.branching and step.branching.names):
                del step.branches[key]
        else:
            step.failed += 1
            branch.steps = {name: inner for name, inner in branch.steps.items() if inner.state is State.FAILED}

    def _stop(self, branch: Branch) -> None:
        """Mark everything that still runs in the branch as stopped."""
        for step in branch.steps.values():
            if step.state in _OPEN:
                self._stop_step(step)
        if branch.state is State.RUNNING:
            branch.state = State.STOPPED

    def _stop_step(self, step: Step) -> None:
        if step.branching is None:
            self.counts[step.state] -= 1
            self.counts[State.STOPPED] += 1
        step.state = State.STOPPED
        for branch in step.branches.values():
            self._stop(branch)
