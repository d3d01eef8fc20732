"""The events of a run, and the contract of reporters, which show them."""

from typing import Protocol, TypeAlias

from msgspec import Struct

from magnus.graph.path import BranchPath, StepPath
from magnus.run_log.records import Branching, Status

__all__ = [
    "AttemptFailed",
    "BranchEnded",
    "BranchesStarted",
    "Event",
    "Logged",
    "Planned",
    "Reporter",
    "RunEnded",
    "RunStarted",
    "StepEnded",
    "StepLoading",
    "StepOutput",
    "StepReused",
    "StepStarted",
    "StepWaiting",
    "Warned",
]


class RunStarted(Struct, frozen=True):
    """The run is in the run log and about to run its first step; `concurrent` says that several may run at a time."""

    run_id: str
    name: str
    concurrent: bool = False


class Planned(Struct, frozen=True):
    """A line of the plan of a run that resumes another one, or has cached steps."""

    line: str


class StepStarted(Struct, frozen=True):
    """A step starts."""

    path: StepPath
    step_type: str


class StepWaiting(Struct, frozen=True):
    """A submitted step waits for a machine.

    Attributes:
        path: of the step.
        job: the id of its job; "" while there is none.
        reason: why it waits, in the words of the batch system, such as `Resources`; "" if it does not say.
    """

    path: StepPath
    job: str = ""
    reason: str = ""


class BranchesStarted(Struct, frozen=True):
    """A composite has started its branches; for a loop, the iterations so far."""

    path: StepPath
    branching: Branching


class BranchEnded(Struct, frozen=True):
    """A branch of a step has finished."""

    path: BranchPath
    succeeded: bool


class StepReused(Struct, frozen=True):
    """The run reuses a step that succeeded in another run, with all steps in it.

    `cached_from` is the run that computed the result of a step with `cache`; "" in a run that resumes another.
    """

    path: StepPath
    step_type: str
    cached_from: str = ""


class StepLoading(Struct, frozen=True):
    """A step that runs has been loading `what` for a while: a module, a kernel; "" when it is loaded."""

    path: StepPath
    what: str


class StepOutput(Struct, frozen=True):
    """Captured output of a step, secrets masked; any number of bytes, not cut at lines."""

    path: StepPath
    data: bytes


class AttemptFailed(Struct, frozen=True):
    """An attempt failed and another one follows after `retry_in` seconds."""

    path: StepPath
    attempt: int
    message: str
    retry_in: float


class StepEnded(Struct, frozen=True):
    """A step is done and in the run log; `duration` is in seconds, 0 where nothing in it was tried."""

    path: StepPath
    step_type: str
    status: Status
    message: str
    duration: float


class Warned(Struct, frozen=True):
    """A warning to the user.

    Any process of a run may report it. Of several warnings with the same `once` the first is shown.
    """

    message: str
    path: StepPath | None = None
    once: str = ""


class Logged(Struct, frozen=True):
    """A line that magnus logs for diagnosis, complete with its time and level."""

    text: str


class RunEnded(Struct, frozen=True):
    """The run is finished and recorded; `duration` is in seconds. After a failure `commands` are the commands to continue
    with, each behind its purpose; there are none if the run log of the run is not kept.
    """

    run_id: str
    status: Status
    message: str
    duration: float
    commands: tuple[tuple[str, str], ...] = ()


Event: TypeAlias = (
    RunStarted
    | Planned
    | StepStarted
    | StepWaiting
    | BranchesStarted
    | BranchEnded
    | StepReused
    | StepLoading
    | StepOutput
    | AttemptFailed
    | StepEnded
    | Warned
    | Logged
    | RunEnded
)
"""Any event of a run."""


class Reporter(Protocol):
    """Shows events. Called from one thread at a time; must not raise, and must not take long."""

    def report(self, event: Event) -> None:
        """Show the event."""
        ...
