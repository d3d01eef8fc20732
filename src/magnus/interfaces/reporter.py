"""What happens during a run, told as events to whoever shows it."""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from magnus.graph.path import StepPath
from magnus.run_log.records import Status


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The run is in the run log and about to run its first step."""

    run_id: str
    name: str


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step begins."""

    path: StepPath
    step_type: str


@dataclass(frozen=True, slots=True)
class StepOutput:
    """Captured output of a step, secrets masked; any number of bytes, not cut at lines."""

    path: StepPath
    data: bytes


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """An attempt failed and another one follows after `retry_in` seconds."""

    path: StepPath
    attempt: int
    message: str
    retry_in: float


@dataclass(frozen=True, slots=True)
class StepEnded:
    """A step is done and in the run log; `duration` is in seconds."""

    path: StepPath
    step_type: str
    status: Status
    message: str
    duration: float


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the user should know that stops nothing."""

    message: str
    path: StepPath | None = None


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run is done and in the run log; `duration` is in seconds."""

    run_id: str
    status: Status
    message: str
    duration: float


Event: TypeAlias = RunStarted | StepStarted | StepOutput | AttemptFailed | StepEnded | Warned | RunEnded


class Reporter(Protocol):
    """Shows events. Called from one thread at a time; must not raise, and must not take long."""

    def report(self, event: Event) -> None:
        """Show the event."""
        ...
