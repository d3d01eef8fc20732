"""The step in progress in this process: what the interaction functions talk to.

A process runs one step at a time. `engine.step` enters a step here around each attempt; user code in any thread of the
process reaches it through `magnus.interaction`, other processes through `engine.channel`. It is the one ambient value.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock

from magnus.engine.parameters import find
from magnus.engine.tracking import StepTracking
from magnus.errors import TaskFailed
from magnus.graph.path import StepPath
from magnus.run_log.parameters import JsonParameter, Parameter, Scope, plain
from magnus.values import Json


class CurrentStep:
    """One attempt of a step as user code sees it: parameters to read, and what it set and tracked so far."""

    def __init__(
        self, run_id: str, tag: str, path: StepPath, scope: Scope, tracking: StepTracking | None = None
    ) -> None:
        self.run_id = run_id
        self.tag = tag
        self.path = path
        self.tracking = tracking
        self._scope = scope
        self._lock = Lock()
        self.parameters_set: dict[str, Parameter] = {}
        self.metrics: dict[str, Json] = {}

    def parameters(self) -> dict[str, Parameter]:
        """What the step sees now: its scope, and what it set itself."""
        with self._lock:
            return {**self._scope, **self.parameters_set}

    def set_parameters(self, values: Mapping[str, Json]) -> None:
        """Set parameters, as JSON values; they count when the attempt succeeds."""
        with self._lock:
            self.parameters_set.update({name: JsonParameter(value) for name, value in values.items()})

    def track(self, metrics: Mapping[str, Json], step: int | None) -> None:
        """Track metrics: `{name: value}`, or `{name: {"<step>": value}}` when the user counts steps."""
        with self._lock:
            for name, value in metrics.items():
                track_into(self.metrics, name, value, step)

    def answer(self, verb: str, arguments: Mapping[str, Json]) -> Json:
        """Do what another process asks for through the channel; raises TaskFailed for an unknown verb."""
        match verb:
            case "get_parameters":
                return {name: plain(parameter) for name, parameter in self.parameters().items()}
            case "set_parameters":
                return self.set_parameters(arguments)
            case "track":
                return self.track(arguments["metrics"], arguments["step"])
            case "get_run":
                return {"run_id": self.run_id, "tag": self.tag}
            case "get_experiment_tracker":
                return self.tracking.described() if self.tracking else None
            case "warn_of_experiment_tracker":
                return self.tracking.warn(arguments["reason"]) if self.tracking else None
            case _:
                raise TaskFailed(f"this version of magnus does not know '{verb}'")


def track_into(metrics: dict[str, Json], name: str, value: Json, step: int | None) -> None:
    """Add one measurement to `metrics`, in the shape the run log has them."""
    known = find(metrics, name) or name
    if step is None:
        metrics[known] = value
        return
    counted = metrics.get(known)
    metrics[known] = {**(counted if isinstance(counted, dict) else {}), str(step): value}


class _Current:
    """Holds the step of this process."""

    step: CurrentStep | None = None


_current = _Current()


def current_step() -> CurrentStep | None:
    """The step in progress in this process; None when there is none."""
    return _current.step


@contextmanager
def entered(step: CurrentStep) -> Iterator[CurrentStep]:
    """Make `step` the step in progress; the one before, if any, is back afterwards."""
    before = _current.step
    _current.step = step
    try:
        yield step
    finally:
        _current.step = before
