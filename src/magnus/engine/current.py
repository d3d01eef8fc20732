"""The step in progress in this process: what the interaction functions talk to.

A process runs one step at a time. `engine.step` enters a step here around each attempt; user code in any thread of the
process reaches it through `magnus.interaction`, other processes through `engine.channel`. It is the one ambient value.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock

from magnus.engine.parameters import find
from magnus.engine.step_secrets import StepSecrets
from magnus.engine.tracking import StepTracking
from magnus.errors import SecretsError, TaskFailed
from magnus.graph.path import StepPath
from magnus.run_log.parameters import JsonParameter, Parameter, Scope, plain
from magnus.values import Json


class CurrentStep:
    """One attempt of a step as user code sees it: parameters to read, and what it set and tracked so far.

    `refused` says of what was set or tracked that it held a secret; a step of which anything was refused has failed.
    """

    def __init__(
        self,
        run_id: str,
        tag: str,
        path: StepPath,
        scope: Scope,
        *,
        secrets: StepSecrets | None = None,
        tracking: StepTracking | None = None,
    ) -> None:
        self.run_id = run_id
        self.tag = tag
        self.path = path
        self.tracking = tracking
        self._scope = scope
        self._secrets = secrets
        self._lock = Lock()
        self.parameters_set: dict[str, Parameter] = {}
        self.metrics: dict[str, Json] = {}
        self.refused: list[str] = []

    def parameters(self) -> dict[str, Parameter]:
        """What the step sees now: its scope, and what it set itself."""
        with self._lock:
            return {**self._scope, **self.parameters_set}

    def set_parameters(self, values: Mapping[str, Json]) -> None:
        """Set parameters, as JSON values; they count when the attempt succeeds.

        TaskFailed when one of them contains a secret.
        """
        self._refuse_secrets("parameter", values)
        with self._lock:
            self.parameters_set.update({name: JsonParameter(value) for name, value in values.items()})

    def track(self, metrics: Mapping[str, Json], step: int | None) -> None:
        """Track metrics: `{name: value}`, or `{name: {"<step>": value}}` when the user counts steps.

        TaskFailed when one of them contains a secret.
        """
        self._refuse_secrets("metric", metrics)
        with self._lock:
            for name, value in metrics.items():
                track_into(self.metrics, name, value, step)

    def get_secret(self, name: str) -> str:
        """The secret, which is masked from now on; SecretsError when there is none."""
        if self._secrets is None:
            raise SecretsError(f"the secret '{name}' cannot be looked up: this step has no secrets provider")
        return self._secrets.get(name)

    def _refuse_secrets(self, what: str, values: Mapping[str, Json]) -> None:
        refused = {} if self._secrets is None else self._secrets.refusals(what, values)
        if refused:
            with self._lock:
                self.refused += refused.values()
            raise TaskFailed("\n".join(refused.values()))

    def answer(self, verb: str, arguments: Mapping[str, Json]) -> Json:
        """Do what another process asks for through the channel; raises TaskFailed for an unknown verb."""
        match verb:
            case "get_parameters":
                return {name: plain(parameter) for name, parameter in self.parameters().items()}
            case "set_parameters":
                return self.set_parameters(arguments)
            case "track":
                return self.track(arguments["metrics"], arguments["step"])
            case "get_secret":
                return self._secret(arguments["name"])
            case "get_run":
                return {"run_id": self.run_id, "tag": self.tag}
            case "get_experiment_tracker":
                return self.tracking.described() if self.tracking else None
            case "warn_of_experiment_tracker":
                return self.tracking.warn(arguments["reason"]) if self.tracking else None
            case _:
                raise TaskFailed(f"this version of magnus does not know '{verb}'")

    def _secret(self, name: str) -> Json:
        """The value, or what the error says: of errors a channel carries the text alone."""
        try:
            return {"value": self.get_secret(name)}
        except SecretsError as error:
            return {"error": error.problems[0].message, "fix": error.problems[0].fix}


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
