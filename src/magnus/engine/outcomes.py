"""What came of an attempt, completed with what the task did on the way, and in words. Pure; used by `engine.step`."""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from magnus.engine.current import CurrentStep, track_into
from magnus.engine.step_secrets import StepSecrets
from magnus.errors import MagnusError
from magnus.interfaces.task_kind import TaskOutcome
from magnus.values import Json

_LINES_IN_MESSAGE: Final = 10


def complete(outcome: TaskOutcome, current: CurrentStep, secrets: StepSecrets) -> TaskOutcome:
    """The outcome with what the task set and tracked on the way; a failure when anything of it contains a secret."""
    parameters = {**current.parameters_set, **outcome.parameters}
    metrics = {**current.metrics, **outcome.metrics}
    set_refused = secrets.refusals("parameter", parameters)
    tracked_refused = secrets.refusals("metric", metrics)
    refused = dict.fromkeys((*current.refused, *set_refused.values(), *tracked_refused.values()))
    new = [message for message in refused if message not in outcome.failure]
    kept = {name: value for name, value in metrics.items() if name not in tracked_refused}
    failure = "\n".join(filter(None, (outcome.failure, *new)))
    return replace(outcome, parameters=parameters, metrics=kept, failure=failure)


def merged(known: Mapping[str, Json], tracked: Mapping[str, Json]) -> Mapping[str, Json]:
    """The metrics of earlier attempts and of this one; counted ones are joined step by step."""
    if not tracked:
        return known
    merged = dict(known)
    for name, value in tracked.items():
        if isinstance(value, dict):
            for step, counted in value.items():
                track_into(merged, name, counted, int(step))
        else:
            track_into(merged, name, value, None)
    return merged


def said(error: MagnusError) -> str:
    """What an error says, with what to do about it, as the message of a step."""
    return "\n".join(problem.message + (f"; {problem.fix}" if problem.fix else "") for problem in error.problems)


def reached_fail(name: str) -> str:
    """Why a run failed in which no step did."""
    return f"the pipeline reached its fail step '{name}'"


def with_tail(failure: str, tail: bytes) -> str:
    """The failure and the end of what the task printed."""
    lines = tail.decode("utf-8", "replace").rstrip().splitlines()[-_LINES_IN_MESSAGE:]
    return "\n".join([failure, *(f"  {line}" for line in lines)])
