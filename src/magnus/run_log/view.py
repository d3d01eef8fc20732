"""The run log people read, as text made from records, one step after the other. Pure.

Called by `app` to print and to keep the document of a run. However long the run, one step at a time is in memory.
The text is JSON for every reader: NaN and infinity, which only metrics can be, are written as the strings "NaN",
"Infinity" and "-Infinity", and half of a surrogate pair as an escape.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from magnus.graph.path import BranchPath, StepPath
from magnus.run_log.parameters import Parameter, plain
from magnus.run_log.records import AttemptRecord, CatalogRecord, CodeIdentity, RunRecord, Status, StepRecord
from magnus.values import Json

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_ASCII_ENCODER: Final = json.JSONEncoder(allow_nan=False)
_LOST: Final = "lost"

ItemT = TypeVar("ItemT")

StepsOf = Callable[[BranchPath], Iterable[StepRecord]]
"""The records of the steps directly in a branch, by position."""


def document_lines(run: RunRecord, steps_of: StepsOf, *, lost: str = "") -> Iterator[str]:
    """The run log document, as pieces of text that are JSON when joined; the last one ends with a newline.

    `lost` says, when it is not "", that the process of the run is gone: then a run without an end is shown as failed
    with this message. A step that has not ended though its run has, or is lost, is shown as failed, too.
    """
    over = bool(lost) or _has_ended(run)
    if lost and not _has_ended(run):
        run = replace(run, status=Status.FAIL, message=lost)
    final: dict[str, Parameter] = dict(run.parameters)
    yield _head(run)
    separator = "\n"
    identities = _list(run.code_identities, _identity)
    for step in steps_of(BranchPath()):
        if step.status is Status.SUCCESS:
            final.update(step.parameters)
        yield separator + _step(_as_lost(step) if over else step, identities)
        separator = ",\n"
    yield "},\n" if separator == "\n" else "\n  },\n"
    yield _foot(run, final)


def document(run: RunRecord, steps_of: StepsOf, *, lost: str = "") -> dict[str, Json]:
    """The run log document as the mapping that its text says."""
    parsed: dict[str, Json] = json.loads("".join(document_lines(run, steps_of, lost=lost)))
    return parsed


def _has_ended(run: RunRecord) -> bool:
    return run.status in {Status.SUCCESS, Status.FAIL}


def _as_lost(step: StepRecord) -> StepRecord:
    if step.status in {Status.SUCCESS, Status.FAIL}:
        return step
    return replace(step, status=Status.FAIL, message=_LOST)


def _head(run: RunRecord) -> str:
    return (
        "{\n"
        f'  "run_id": {_json(run.run_id)},\n'
        f'  "dag_hash": {_json(run.dag_hash)},\n'
        f'  "use_cached": {_json(run.use_cached)},\n'
        f'  "tag": {_json(run.tag)},\n'
        f'  "original_run_id": {_json(run.original_run_id)},\n'
        f'  "status": "{run.status.value}",\n'
        f'  "message": {_json(run.message)},\n'
        '  "steps": {'
    )


def _foot(run: RunRecord, final: Mapping[str, Parameter]) -> str:
    end_time = "null" if run.end_time is None else _time(run.end_time)
    return (
        f'  "parameters": {_mapping({name: plain(parameter) for name, parameter in final.items()})},\n'
        f'  "run_config": {_mapping(run.run_config)},\n'
        f'  "start_time": {_time(run.start_time)},\n'
        f'  "end_time": {end_time}\n'
        "}\n"
    )


def _step(step: StepRecord, identities_of_run: str) -> str:
    name = _json(_internal_name(step.path))
    own = step.code_identities
    return (
        f"    {name}: {{\n"
        f'      "name": {_json(step.path.name)},\n'
        f'      "internal_name": {name},\n'
        f'      "status": "{step.status.value}",\n'
        f'      "step_type": {_json(step.step_type)},\n'
        f'      "message": {_json(step.message)},\n'
        f'      "mock": {"true" if step.mock else "false"},\n'
        f'      "code_identities": {identities_of_run if own is None else _list(own, _identity)},\n'
        f'      "attempts": {_list(step.attempts, _attempt)},\n'
        f'      "user_defined_metrics": {_json(dict(step.metrics))},\n'
        '      "branches": {},\n'  # no record names branches yet; those of composites come here
        f'      "data_catalog": {_list(step.catalog, _entry)}\n'
        "    }"
    )


def _internal_name(path: StepPath) -> str:
    return ".".join(path.parts)


def _attempt(attempt: AttemptRecord) -> str:
    return (
        f'{{"attempt_number": {attempt.attempt_number}, '
        f'"start_time": {_time(attempt.start_time)}, "end_time": {_time(attempt.end_time)}, '
        f'"duration": "{_duration(attempt.duration)}", "status": "{attempt.status.value}", '
        f'"message": {_json(attempt.message)}, "parameters": {_json(dict(attempt.parameters))}}}'
    )


def _entry(entry: CatalogRecord) -> str:
    return _json(
        {
            "name": entry.name,
            "data_hash": entry.data_hash,
            "catalog_relative_path": entry.catalog_relative_path,
            "catalog_handler_location": entry.catalog_handler_location,
            "stage": entry.stage,
            "size": entry.size,
        }
    )


def _identity(identity: CodeIdentity) -> str:
    return _json(
        {
            "code_identifier": identity.code_identifier,
            "code_identifier_type": identity.code_identifier_type,
            "code_identifier_dependable": identity.code_identifier_dependable,
            "code_identifier_url": identity.code_identifier_url,
            "code_identifier_message": identity.code_identifier_message,
        }
    )


def _time(when: datetime) -> str:
    """A time as the run log has it, `2022-01-18 11:46:08.530138+00:00`, always with microseconds."""
    return f'"{when.isoformat(" ", "microseconds")}"'


def _duration(seconds: float) -> str:
    """Seconds as `0:00:00.000423`; hours go on counting after 23."""
    microseconds = round(seconds * 1_000_000)
    minutes, microseconds = divmod(microseconds, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    whole, microseconds = divmod(microseconds, 1_000_000)
    return f"{hours}:{minutes:02}:{whole:02}.{microseconds:06}"


def _list(items: tuple[ItemT, ...], text: Callable[[ItemT], str]) -> str:
    """A list in a step, one line for each item."""
    if not items:
        return "[]"
    return "[\n        " + ",\n        ".join(map(text, items)) + "\n      ]"


def _mapping(values: Mapping[str, Json]) -> str:
    """A mapping of the run, one line for each key."""
    if not values:
        return "{}"
    return "{\n    " + ",\n    ".join(f"{_json(name)}: {_json(value)}" for name, value in values.items()) + "\n  }"


def _json(value: Json) -> str:
    """The value on one line, as text that UTF-8 can always hold."""
    if value == {}:
        return "{}"
    try:
        text = msgspec.json.format(msgspec.json.encode(value), indent=0).decode()
        return _ENCODER.encode(_without_nan(value)) if "null" in text else text  # it writes NaN as null
    except UnicodeEncodeError:
        return _ASCII_ENCODER.encode(_without_nan(value))


def _without_nan(value: Json) -> Json:
    """The value with text for the numbers that JSON does not have."""
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case Mapping():
            return {name: _without_nan(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_without_nan(inner) for inner in value]
        case _:
            return value
