"""The step in progress in this process: what the interaction functions talk to.

A process runs one step at a time. `engine.step.run_step` enters a step here around each attempt; user code in any thread of the
process reaches it through `magnus.interaction`, other processes through `engine.interaction.channel`. It is the one ambient value.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Final

from magnus.engine.interaction.step_data import StepData
from magnus.engine.interaction.step_secrets import StepSecrets
from magnus.engine.interaction.tracking import StepTracking
from magnus.engine.values.parameter_values import find
from magnus.errors import SecretsError, TaskFailed
from magnus.graph.path import StepPath
from magnus.run_log.parameters import (
    JsonParameter,
    LargeParameter,
    Metric,
    Parameter,
    Scope,
    add_metric,
    holds_objects,
    objects_in,
    plain,
    to_json,
)
from magnus.values import Json, UserObject

_ABOUT_DATA: Final = frozenset(
    {"get_files", "put_files", "get_object", "begin_put_object", "put_object", "get_run_log"}
)
_ABOUT_PARAMETERS: Final = frozenset(
    {"get_parameter", "get_parameters", "get_written_parameter", "get_written_parameters", "set_parameters"}
)


class CurrentStep:
    """One attempt of a step as user code sees it: parameters to read, and what it set and tracked so far.

    `loading` is the module that it loads right now, and `loading_since` the time when that started.
    `refused` has the reasons why results were refused that held a secret; a step with a refused result has failed.
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
        data: StepData | None = None,
    ) -> None:
        self.run_id = run_id
        self.tag = tag
        self.path = path
        self.tracking = tracking
        self._data = data
        self._scope = scope
        self._secrets = secrets
        self._lock = Lock()
        self.parameters_set: dict[str, Parameter] = {}
        self.metrics: dict[str, Metric] = {}
        self.refused: list[str] = []
        self.loading = ""
        self.loading_since = 0.0

    def parameters(self) -> dict[str, Parameter]:
        """What the step sees now: its scope, and what it set itself."""
        with self._lock:
            return {**self._scope, **self.parameters_set}

    def load(self, what: str) -> None:
        """The step loads something, such as a module; "" when it is loaded."""
        self.loading, self.loading_since = what, time.monotonic()

    def set_parameters(self, values: Mapping[str, Json]) -> None:
        """Set parameters, as JSON values; they count when the attempt succeeds.

        TaskFailed when one of them contains a secret.
        """
        self._refuse_secrets("parameter", values)
        with self._lock:
            self.parameters_set.update({name: JsonParameter(value) for name, value in values.items()})

    def track(self, metrics: Mapping[str, Json], step: int | None) -> None:
        """Track metrics, counted by `step` unless that is None.

        TaskFailed when one of them contains a secret.
        """
        self._refuse_secrets("metric", metrics)
        with self._lock:
            for name, value in metrics.items():
                add_metric(self.metrics, name, value, step)

    @property
    def data(self) -> StepData:
        """The catalog as the step reaches it."""
        assert self._data is not None  # every step of a run has it
        return self._data

    def put_object(self, name: str, value: UserObject, form: str = "") -> None:
        """Keep the value as an object in the format `form`; the parameter of that name is set to it, where it is no value."""
        self._set_object(name, self.data.put_object(name, value, form))

    def get_object(self, name: str) -> UserObject:
        """The object of that name; TaskFailed when there is none."""
        return self.data.get_object(self._object(name))

    def _parameter(self, name: str) -> Parameter:
        """One parameter; others are not read."""
        parameters = self.parameters()
        known = find(parameters, name)
        if known is None:
            there = ", ".join(map(repr, parameters)) or "none"
            raise TaskFailed(f"there is no parameter '{name}'; the parameters are {there}")
        return parameters[known]

    def _written(self, name: str) -> Json:
        """One parameter, its text where it came as one, and whether it is an object, of which the value says nothing."""
        parameter = self._parameter(name)
        is_object = holds_objects(parameter)
        return {
            "value": None if is_object else plain(parameter),
            "text": _text_of(parameter),
            "is_object": is_object,
        }

    def _all_written(self) -> Json:
        """The values of all parameters, and the texts of parameters that came as text."""
        parameters = self.parameters()
        texts = {name: text for name, value in parameters.items() if (text := _text_of(value)) is not None}
        return {"values": {name: plain(value) for name, value in parameters.items()}, "texts": texts}

    def _set_object(self, name: str, reference: Parameter, *, is_result: bool = False) -> None:
        """Set the parameter of that name; unless it is a value, which only a result may replace."""
        with self._lock:
            known = self.parameters_set.get(name, self._scope.get(name))
            if is_result or known is None or holds_objects(known):
                self.parameters_set[name] = reference

    def _object(self, name: str) -> Parameter:
        parameters = self.parameters()
        known = find(parameters, name)
        if known is not None and holds_objects(parameters[known]):
            return parameters[known]
        kept = self.data.objects_by_name()
        found = find(kept, name)
        if found is None:
            names = dict.fromkeys((*(other for other, value in parameters.items() if holds_objects(value)), *kept))
            raise TaskFailed(f"there is no object '{name}'; the objects are {', '.join(map(repr, names)) or 'none'}")
        return kept[found]

    def get_secret(self, name: str) -> str:
        """The secret, which is masked from now on; SecretsError when there is none."""
        if self._secrets is None:
            message = f"the secret '{name}' cannot be looked up: this step has no secrets provider"
            raise SecretsError(message, fix="configure one under 'secrets:'")
        return self._secrets.get(name)

    def _refuse_secrets(self, what: str, values: Mapping[str, Json]) -> None:
        refused = {} if self._secrets is None else self._secrets.refusals(what, values)
        if refused:
            with self._lock:
                self.refused += refused.values()
            raise TaskFailed("\n".join(refused.values()))

    def answer(self, verb: str, arguments: Mapping[str, Json]) -> Json:
        """Do what another process asks for through the channel; raises TaskFailed for an unknown verb."""
        if verb in _ABOUT_DATA:
            return self._answer_about_data(verb, arguments)
        if verb in _ABOUT_PARAMETERS:
            return self._answer_about_parameters(verb, arguments)
        match verb:
            case "track":
                return self.track(arguments["metrics"], arguments["step"])
            case "get_secret":
                return self._secret(arguments["name"])
            case "load":
                return self.load(arguments["what"])
            case "get_run":
                return {"run_id": self.run_id, "tag": self.tag}
            case _:
                return self._answer_about_tracker(verb, arguments)

    def _answer_about_parameters(self, verb: str, arguments: Mapping[str, Json]) -> Json:
        match verb:
            case "get_parameter":
                return plain(self._parameter(arguments["name"]))
            case "get_parameters":
                return {name: plain(parameter) for name, parameter in self.parameters().items()}
            case "get_written_parameter":
                return self._written(arguments["name"])
            case "get_written_parameters":
                return self._all_written()
            case _:
                return self.set_parameters(arguments)

    def _answer_about_data(self, verb: str, arguments: Mapping[str, Json]) -> Json:
        match verb:
            case "get_files":
                return self.data.get_files(arguments["name"], arguments["destination"])
            case "put_files":
                return self.data.put_files(arguments["path"])
            case "get_object":
                reference = self._object(arguments["name"])
                self.data.note_loaded(objects_in(reference))
                return {**self.data.elsewhere(), "reference": to_json(reference)}
            case "begin_put_object":
                return self.data.elsewhere()
            case "put_object":
                kept = self.data.keep_object(arguments["name"], arguments["file"], arguments["form"])
                return self._set_object(arguments["name"], kept, is_result=arguments["is_result"])
            case _:
                return self.data.run_log()

    def _answer_about_tracker(self, verb: str, arguments: Mapping[str, Json]) -> Json:
        match verb:
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


def _text_of(parameter: Parameter) -> str | None:
    return parameter.text if isinstance(parameter, JsonParameter | LargeParameter) else None


class _Current:
    """Holds the step of this process."""

    step: CurrentStep | None = None


_current = _Current()


def current_step() -> CurrentStep | None:
    """The step in progress in this process; None when there is none."""
    return _current.step


def hold(step: CurrentStep) -> None:
    """Make `step` the step in progress until it is released: what an interactive session does."""
    _current.step = step


def release(step: CurrentStep) -> None:
    """There is no step in progress any more, if it was this one."""
    if _current.step is step:
        _current.step = None


@contextmanager
def entered(step: CurrentStep) -> Iterator[CurrentStep]:
    """Make `step` the step in progress; the one before, if any, is back afterwards."""
    before = _current.step
    _current.step = step
    try:
        yield step
    finally:
        _current.step = before
