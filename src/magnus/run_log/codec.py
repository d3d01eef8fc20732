"""Records to JSON and back; this module and `run_log.step_json` alone know how a record is written down.

Common records, of steps that set and took scalars alone, are one call of msgspec each; most records of a long run are such.
"""

from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec import Struct, to_builtins

from magnus.graph.path import StepPath
from magnus.run_log.json_bytes import from_bytes
from magnus.run_log.json_bytes import record_to_bytes as to_bytes
from magnus.run_log.parameters import JsonParameter, all_from_json, all_to_json
from magnus.run_log.records import COMMON_TYPE, AttemptRecord, CodeIdentity, Owner, RunRecord, Status, StepRecord
from magnus.values import Json

__all__ = [
    "from_bytes",
    "run_from_bytes",
    "run_from_json",
    "run_to_bytes",
    "run_to_json",
    "step_from_bytes",
    "step_from_json",
    "step_to_bytes",
    "step_to_json",
    "to_bytes",
]

_STATUS: Final = {status.value: status for status in Status}
_SCALARS: Final = frozenset((str, int, bool, type(None)))
_NONE: Final[dict[str, Any]] = {}


class _StoredAttempt(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """An attempt, without the number that is its index, and without the status that is that of its step."""

    start_time: datetime
    end_time: datetime
    duration: float
    attempt_number: int | None = None
    status: Status | None = None
    parameters: dict[str, Any] = {}
    message: str = ""
    lost: bool = False
    job: str = ""
    machine: str = ""
    peak_memory: int = 0


class _StoredStep(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The record of a step; a store may have put its checksum in front."""

    step: str
    position: int
    status: Status
    crc: str = ""
    step_type: str = COMMON_TYPE
    message: str = ""
    attempts: tuple[_StoredAttempt, ...] = ()
    parameters: dict[str, Any] = {}


_rare: Final = attrgetter(
    "mock", "metrics", "catalog", "scope", "branching", "code_identities", "earlier_attempts", "given_up", "cache"
)
_NOTHING_RARE: Final[tuple[Any, ...]] = (False, {}, (), None, None, None, 0, (), None)
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_StoredStep).decode


def step_to_bytes(step: StepRecord) -> bytes:
    """The JSON of the record, as `to_bytes` writes it; TypeError, ValueError or RecursionError when a value has none."""
    common = _common_to_bytes(step)
    return to_bytes(step_to_json(step)) if common is None else common


def step_from_bytes(text: bytes) -> StepRecord:
    """The record that `step_to_bytes` wrote; KeyError, TypeError, ValueError or RecursionError when it is none."""
    common = _common_from_bytes(text)
    return step_from_json(from_bytes(text)) if common is None else common


def step_to_json(step: StepRecord) -> dict[str, Json]:
    """The record as a mapping; what has its default is left out. Stores look for step, position, status in front."""
    from magnus.run_log import step_json  # lazy: most records are common ones

    return step_json.step_to_json(step)


def step_from_json(stored: dict[str, Json]) -> StepRecord:
    """The record that `step_to_json` wrote."""
    from magnus.run_log import step_json  # lazy: as above

    return step_json.step_from_json(stored)


def run_to_bytes(run: RunRecord) -> bytes:
    """The JSON of the record; TypeError, ValueError or RecursionError when a value has none."""
    return to_bytes(run_to_json(run))


def run_from_bytes(text: bytes) -> RunRecord:
    """The record that `run_to_bytes` wrote; KeyError, TypeError, ValueError or RecursionError when it is none."""
    return run_from_json(from_bytes(text))


def run_to_json(run: RunRecord) -> dict[str, Json]:
    """The record as a mapping. Stores look for the run id in front."""
    return {
        "run": run.run_id,
        "status": run.status.value,
        "dag_hash": run.dag_hash,
        "start_time": str(run.start_time),
        "end_time": str(run.end_time) if run.end_time else None,
        "owner": _owner_to_json(run.owner),
        "message": run.message,
        "tag": run.tag,
        "use_cached": run.use_cached,
        "original_run_id": run.original_run_id,
        "parameters": all_to_json(run.parameters),
        "code_identities": to_builtins(run.code_identities),
        "run_config": dict(run.run_config),
    }


def _owner_to_json(owner: Owner) -> dict[str, Json]:
    stored: dict[str, Json] = {"host": owner.host, "pid": owner.pid, "process_start": owner.process_start}
    engine = {"workflow": owner.workflow, "workflow_name": owner.workflow_name}
    return {**stored, **{name: text for name, text in engine.items() if text}}


def run_from_json(stored: dict[str, Json]) -> RunRecord:
    """The record that `run_to_json` wrote."""
    return RunRecord(
        run_id=stored["run"],
        status=_STATUS[stored["status"]],
        dag_hash=stored["dag_hash"],
        start_time=datetime.fromisoformat(stored["start_time"]),
        end_time=datetime.fromisoformat(stored["end_time"]) if stored["end_time"] else None,
        owner=Owner(**stored["owner"]),
        message=stored["message"],
        tag=stored["tag"],
        use_cached=stored["use_cached"],
        original_run_id=stored["original_run_id"],
        parameters=all_from_json(stored["parameters"]),
        code_identities=tuple(CodeIdentity(**identity) for identity in stored["code_identities"]),
        run_config=stored["run_config"],
    )


def _common_to_bytes(step: StepRecord) -> bytes | None:
    """The JSON of the record; None if it is no common one, or has a text that UTF-8 cannot hold."""
    if _rare(step) != _NOTHING_RARE:
        return None
    set_by_step: dict[str, Json] = {}
    for name, parameter in step.parameters.items():
        if type(parameter) is not JsonParameter or parameter.text is not None or not _is_common(parameter.value):
            return None
        set_by_step[name] = parameter.value
    attempts = []
    for index, attempt in enumerate(step.attempts):
        if not (_is_common(attempt.duration) and _are_scalars(attempt.parameters)):
            return None
        attempts.append(_stored(index, attempt, step.status))
    stored = _StoredStep(
        str(step.path), step.position, step.status, "", step.step_type, step.message, tuple(attempts), set_by_step
    )
    try:
        return _encode(stored)
    except (TypeError, UnicodeEncodeError):  # a text of a type of its own; half of a surrogate pair
        return None


def _common_from_bytes(text: bytes) -> StepRecord | None:
    """The record that the text is; None if it is not common, or none at all."""
    try:
        stored = _decode(text)
    except ValueError:
        return None
    status = stored.status
    return StepRecord(
        StepPath.parse(stored.step),
        stored.position,
        status,
        stored.step_type,
        stored.message,
        attempts=tuple([_attempt(index, attempt, status) for index, attempt in enumerate(stored.attempts)]),
        parameters=all_from_json(stored.parameters),
    )


def _stored(index: int, attempt: AttemptRecord, status: Status) -> _StoredAttempt:
    number = attempt.attempt_number
    return _StoredAttempt(
        attempt.start_time,
        attempt.end_time,
        attempt.duration,
        None if number == index else number,
        None if attempt.status is status else attempt.status,
        dict(attempt.parameters) if attempt.parameters else _NONE,
        attempt.message,
        attempt.lost,
        attempt.job,
        attempt.machine,
        attempt.peak_memory,
    )


def _attempt(index: int, stored: _StoredAttempt, status: Status) -> AttemptRecord:
    return AttemptRecord(
        index if stored.attempt_number is None else stored.attempt_number,
        stored.start_time,
        stored.end_time,
        stored.duration,
        stored.status or status,
        stored.message,
        stored.parameters,
        stored.lost,
        stored.job,
        stored.machine,
        stored.peak_memory,
    )


def _are_scalars(values: Mapping[str, Json]) -> bool:
    return not values or all(type(name) is str and _is_common(value) for name, value in values.items())


def _is_common(value: Json) -> bool:
    """Whether it is a scalar that every JSON library writes the same way; NaN has no JSON."""
    kind = type(value)
    return kind in _SCALARS or (kind is float and (value == 0 or 1e-4 <= abs(value) < 1e16))
