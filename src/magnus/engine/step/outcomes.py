"""Completes the outcome of an attempt with what the task set on the way, by variables and by functions of magnus.

The variable `MAGNUS_PRM_<name>` sets a parameter, `MAGNUS_TRACK_<name>` and `MAGNUS_TRACK_<name>_STEP_<n>` track a metric,
for every kind of task. Variables that did not change, and variables that were removed, count for nothing.
"""

import os
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from magnus.engine.faults import error_text
from magnus.engine.interaction.current_step import CurrentStep
from magnus.engine.interaction.step_secrets import StepSecrets
from magnus.engine.values.parameter_values import VARIABLE_PREFIX, from_text
from magnus.errors import TaskFailed
from magnus.interfaces.task_kind import TaskOutcome
from magnus.json_text import UnusableJson
from magnus.run_log.parameters import JsonParameter, Metric, Metrics, Scope, add_metric, merged, plain_metrics

TRACK_PREFIX: Final = "MAGNUS_TRACK_"
PREFIXES: Final = (VARIABLE_PREFIX, TRACK_PREFIX)
_COUNTED: Final = "_STEP_"
_MOST_DIGITS: Final = 18
_LINES_IN_MESSAGE: Final = 10
_PREFIXES_AS_BYTES: Final = tuple(prefix.encode() for prefix in PREFIXES)


class ExportWatch:
    """Tells which of these variables the code that runs in this process sets, from when it is made."""

    def __init__(self) -> None:
        self._variables: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]  # noqa: SLF001 - its own copy decodes every name in turn
        self._before = self._variables.copy()

    def exported(self) -> dict[str, str]:
        """The variables that were set since, with their values."""
        now = self._variables.copy()  # at once: a thread of the user may still run
        if now == self._before:
            return {}
        return {
            os.fsdecode(name): os.fsdecode(value)
            for name, value in now.items()
            if name.startswith(_PREFIXES_AS_BYTES) and self._before.get(name) != value
        }


def changed_variables(exported: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that set a parameter or track a metric, and had another value in the environment of the task."""
    return {
        name: text for name, text in exported.items() if name.startswith(PREFIXES) and environment.get(name) != text
    }


def exported_parameters(exported: Mapping[str, str]) -> dict[str, JsonParameter]:
    """The parameters that the variables set; TaskFailed when JSON cannot hold a value."""
    return {
        name: _checked(name, value_of(variable, text))
        for variable, text in exported.items()
        if (name := variable.removeprefix(VARIABLE_PREFIX)) != variable and name
    }


def exported_metrics(exported: Mapping[str, str]) -> dict[str, Metric]:
    """The metrics that the variables track; TaskFailed likewise."""
    tracked: dict[str, Metric] = {}
    for variable, text in exported.items():
        written = variable.removeprefix(TRACK_PREFIX)
        if written != variable and written:
            name, step = _name_and_step(written)
            add_metric(
                tracked, name, _checked(name, value_of(variable, text, allow_nan=True), allow_nan=True).value, step
            )
    return tracked


def _name_and_step(written: str) -> tuple[str, int | None]:
    name, _, step = written.rpartition(_COUNTED)
    is_counted = name and step.isascii() and step.isdecimal() and len(step) <= _MOST_DIGITS
    return (name, int(step)) if is_counted else (written, None)


def value_of(variable: str, text: str, *, allow_nan: bool = False) -> JsonParameter:
    """What an exported variable says; TaskFailed when no parameter can have that value, which may be NaN for metrics."""
    try:
        return from_text(text, allow_nan=allow_nan)
    except UnusableJson as error:
        raise TaskFailed(f"the value of the exported variable {variable} {error}") from None


def _checked(name: str, parameter: JsonParameter, *, allow_nan: bool = False) -> JsonParameter:
    from magnus.engine.values.json_values import to_json_value  # lazy: few tasks set variables

    to_json_value(parameter.value, name=name, allow_nan=allow_nan)
    to_json_value(name, name="the name of a parameter or metric")
    return parameter


def complete(outcome: TaskOutcome, current: CurrentStep, secrets: StepSecrets) -> TaskOutcome:
    """The outcome with what the task set and tracked on the way; a failure when anything of it contains a secret.

    Of one name, a result wins over what the task set by a function of magnus, and that over a variable.
    """
    exported, tracked, wrong = _exported(outcome) if outcome.exported else ({}, {}, "")
    parameters = {**exported, **current.parameters_set, **outcome.parameters}
    metrics = merged(merged(tracked, current.metrics), outcome.metrics)
    set_refused = secrets.refusals("parameter", parameters)
    tracked_refused = secrets.refusals("metric", plain_metrics(metrics)) if metrics else {}
    refused = dict.fromkeys((wrong, *current.refused, *set_refused.values(), *tracked_refused.values()))
    new = [message for message in refused if message not in outcome.failure]
    kept = {name: value for name, value in metrics.items() if name not in tracked_refused}
    failure = "\n".join(filter(None, (outcome.failure, *new)))
    return replace(outcome, parameters=parameters, metrics=kept, failure=failure)


def _exported(outcome: TaskOutcome) -> tuple[Scope, Metrics, str]:
    """The parameters and metrics that variables set; or why they cannot be had."""
    try:
        return exported_parameters(outcome.exported), exported_metrics(outcome.exported), ""
    except TaskFailed as error:
        return {}, {}, error_text(error)


def reached_fail(name: str) -> str:
    """Why a run failed in which no step did."""
    return f"the pipeline reached its fail step '{name}'"


def with_tail(failure: str, tail: bytes) -> str:
    """The failure and the end of what the task printed."""
    lines = tail.decode("utf-8", "replace").rstrip().splitlines()[-_LINES_IN_MESSAGE:]
    return "\n".join([failure, *(f"  {line}" for line in lines)])
