"""The record of a step as a mapping, field by field, and back. Used by `run_log.codec` for all but common records."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import convert, to_builtins
from msgspec.structs import replace

from magnus.graph.path import StepPath
from magnus.run_log import parameters
from magnus.run_log.parameters import (
    CountedMetric,
    LargeParameter,
    Metrics,
    all_from_json,
    all_to_json,
    counted_from_json,
    plain_metrics,
)
from magnus.run_log.records import (
    COMMON_TYPE,
    AttemptRecord,
    Branching,
    BranchScope,
    CacheRecord,
    CatalogRecord,
    CodeIdentity,
    Status,
    StepRecord,
)
from magnus.values import Json

_CATALOG: Final = tuple[CatalogRecord, ...]
_STATUS: Final = {status.value: status for status in Status}
_RARE_FIELDS: Final = frozenset(
    ("mock", "metrics", "scope", "branching", "code_identities", "earlier_attempts", "given_up", "cache")
)


def step_to_json(step: StepRecord) -> dict[str, Json]:
    """The record as a mapping; what has its default is left out. Stores look for step, position, status in front."""
    stored: dict[str, Json] = {
        "step": str(step.path),
        "position": step.position,
        "status": step.status.value,
    }
    if step.step_type != COMMON_TYPE:
        stored["step_type"] = step.step_type
    if step.message:
        stored["message"] = step.message
    if step.attempts:
        stored["attempts"] = [_attempt_to_json(*numbered, step.status) for numbered in enumerate(step.attempts)]
    if step.parameters:
        stored["parameters"] = all_to_json(step.parameters)
    if step.metrics:
        stored.update(_metrics_to_json(step.metrics))
    if step.catalog:
        stored["catalog"] = to_builtins(step.catalog)
    if step.scope is not None:
        stored["scope"] = _scope_to_json(step.scope)
    if step.branching is not None:
        stored["branching"] = _branching_to_json(step.branching)
    if (
        step.mock
        or step.code_identities is not None
        or step.earlier_attempts
        or step.given_up
        or step.cache is not None
    ):
        stored.update(_rest_of_step(step))
    return stored


def _rest_of_step(step: StepRecord) -> dict[str, Json]:
    """The fields that few records have."""
    stored: dict[str, Json] = {}
    if step.mock:
        stored["mock"] = True
    if step.code_identities is not None:
        stored["code_identities"] = to_builtins(step.code_identities)
    if step.earlier_attempts:
        stored["earlier_attempts"] = step.earlier_attempts
    if step.given_up:
        stored["given_up"] = list(step.given_up)
    if step.cache is not None:
        cache = {"key": step.cache.key, "inputs": dict(step.cache.inputs), "reason": step.cache.reason}
        source = {"run_id": step.cache.run_id, "step": step.cache.step} if step.cache.run_id else {}
        compared = {"compared_with": step.cache.compared_with} if step.cache.compared_with else {}
        stored["cache"] = {**cache, **source, **compared}
    return stored


def step_from_json(stored: dict[str, Json]) -> StepRecord:
    """The record that `step_to_json` wrote."""
    status = _STATUS[stored["status"]]
    attempts, parameters, entries = stored.get("attempts"), stored.get("parameters"), stored.get("catalog")
    step = StepRecord(
        StepPath.parse(stored["step"]),
        stored["position"],
        status,
        stored.get("step_type", COMMON_TYPE),
        stored.get("message", ""),
        attempts=tuple([_attempt_from_json(*numbered, status) for numbered in enumerate(attempts)]) if attempts else (),
        parameters=all_from_json(parameters) if parameters else {},
        catalog=convert(entries, _CATALOG) if entries else (),
    )
    return step if _RARE_FIELDS.isdisjoint(stored) else _with_rest_of_step(step, stored)


def _with_rest_of_step(step: StepRecord, stored: dict[str, Json]) -> StepRecord:
    """The record with the fields that few records have."""
    identities = stored.get("code_identities")
    scope, branching = stored.get("scope"), stored.get("branching")
    return replace(
        step,
        mock=stored.get("mock", False),
        metrics=_metrics_from_json(stored.get("metrics", {}), stored.get("counted_metrics", ())),
        scope=None if scope is None else _scope_from_json(scope),
        branching=None if branching is None else _branching_from_json(branching),
        code_identities=None if identities is None else tuple(CodeIdentity(**identity) for identity in identities),
        earlier_attempts=stored.get("earlier_attempts", 0),
        given_up=tuple(stored.get("given_up", ())),
        cache=CacheRecord(**stored["cache"]) if "cache" in stored else None,
    )


def _attempt_to_json(index: int, attempt: AttemptRecord, status_of_step: Status) -> dict[str, Json]:
    """The attempt, without the number that is its index, and without the status that is that of its step."""
    stored: dict[str, Json] = {
        "start_time": _time(attempt.start_time),
        "end_time": _time(attempt.end_time),
        "duration": attempt.duration,
    }
    if attempt.attempt_number != index:
        stored["attempt_number"] = attempt.attempt_number
    if attempt.status is not status_of_step:
        stored["status"] = attempt.status.value
    if attempt.parameters:
        stored["parameters"] = dict(attempt.parameters)
    if attempt.message:
        stored["message"] = attempt.message
    if attempt.lost:
        stored["lost"] = True
    if attempt.job:
        stored["job"] = attempt.job
    if attempt.machine:
        stored["machine"] = attempt.machine
    if attempt.peak_memory:
        stored["peak_memory"] = attempt.peak_memory
    return stored


def _time(when: datetime) -> str:
    """The time as msgspec writes it (RFC 3339)."""
    return when.isoformat().replace("+00:00", "Z")


def _attempt_from_json(index: int, stored: dict[str, Json], status_of_step: Status) -> AttemptRecord:
    return AttemptRecord(
        stored.get("attempt_number", index),
        datetime.fromisoformat(stored["start_time"]),
        datetime.fromisoformat(stored["end_time"]),
        stored["duration"],
        _STATUS[stored["status"]] if "status" in stored else status_of_step,
        stored.get("message", ""),
        stored.get("parameters", {}),
        stored.get("lost", False),
        stored.get("job", ""),
        stored.get("machine", ""),
        stored.get("peak_memory", 0),
    )


def _metrics_to_json(metrics: Metrics) -> dict[str, Json]:
    """The metrics by name, and the names of the metrics that count steps."""
    counted = [name for name, metric in metrics.items() if isinstance(metric, CountedMetric)]
    return {"metrics": plain_metrics(metrics), **({"counted_metrics": counted} if counted else {})}


def _metrics_from_json(stored: dict[str, Json], counted: Sequence[str]) -> Metrics:
    return {**stored, **{name: counted_from_json(stored[name]) for name in counted}} if counted else stored


def _scope_to_json(scope: BranchScope) -> dict[str, Json]:
    stored: dict[str, Json] = {
        "parameters": all_to_json(scope.parameters),
        "files": to_builtins(tuple(scope.files.values())),
    }
    if scope.map_variables:
        large = {name: value for name, value in scope.map_variables.items() if isinstance(value, LargeParameter)}
        stored["map_variables"] = {**scope.map_variables, **dict.fromkeys(large)}
        if large:
            stored["large_map_variables"] = all_to_json(large)
    return stored


def _scope_from_json(stored: dict[str, Json]) -> BranchScope:
    files = convert(stored["files"], _CATALOG)
    return BranchScope(
        all_from_json(stored["parameters"]),
        {entry.name: entry for entry in files},
        {**stored.get("map_variables", {}), **all_from_json(stored.get("large_map_variables", {}))},
    )


def _branching_to_json(branching: Branching) -> dict[str, Json]:
    stored: dict[str, Json] = {"names": list(branching.names)} if branching.names else {"count": branching.count}
    match branching.values:
        case None:
            pass
        case LargeParameter() as values:
            stored["large_values"] = parameters.to_json(values)
        case values:
            stored["values"] = list(values)
    return stored


def _branching_from_json(stored: dict[str, Json]) -> Branching:
    names, count = tuple(stored.get("names", ())), stored.get("count", 0)
    if "large_values" in stored:
        return Branching(names, count, parameters.large_from_json(stored["large_values"]))
    values = stored.get("values")
    return Branching(names, count, None if values is None else tuple(values))
