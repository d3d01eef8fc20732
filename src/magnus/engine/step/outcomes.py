"""What came of an attempt, completed with what the task did on the way, and in words. Pure; used by `engine.step.attempts`."""

from typing import Final

from msgspec.structs import replace

from magnus.engine.faults import error_text
from magnus.engine.interaction.current_step import CurrentStep
from magnus.engine.interaction.step_secrets import StepSecrets
from magnus.engine.step import exports
from magnus.errors import TaskFailed
from magnus.interfaces.task_kind import TaskOutcome
from magnus.run_log.metrics import Metrics, merged, plain_metrics
from magnus.run_log.parameters import Scope

_LINES_IN_MESSAGE: Final = 10


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
        return exports.parameters(outcome.exported), exports.metrics(outcome.exported), ""
    except TaskFailed as error:
        return {}, {}, error_text(error)


def reached_fail(name: str) -> str:
    """Why a run failed in which no step did."""
    return f"the pipeline reached its fail step '{name}'"


def with_tail(failure: str, tail: bytes) -> str:
    """The failure and the end of what the task printed."""
    lines = tail.decode("utf-8", "replace").rstrip().splitlines()[-_LINES_IN_MESSAGE:]
    return "\n".join([failure, *(f"  {line}" for line in lines)])
