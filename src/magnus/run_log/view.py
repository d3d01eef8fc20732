"""The run log people read, as text made from records, one step after the other. Pure.

Called by `app` to print and to keep the document of a run. However long the run, one step at a time is in memory.
The text is JSON for every reader: NaN and infinity, which only metrics can be, are written as the strings "NaN",
"Infinity" and "-Infinity", and half of a surrogate pair as an escape.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from magnus.graph.path import BranchPath
from magnus.run_log.parameters import Parameter, plain_metrics, shown
from magnus.run_log.records import (
    ENDED,
    AttemptRecord,
    CacheRecord,
    CatalogRecord,
    CodeIdentity,
    RunHealth,
    RunRecord,
    Status,
    StepRecord,
)
from magnus.run_log.step_walk import StepsOf, branches_of, status_of_branch, without_past_ends
from magnus.values import Json

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_ASCII_ENCODER: Final = json.JSONEncoder(allow_nan=False)
_LOST: Final = "lost"

ItemT = TypeVar("ItemT")


def document_lines(
    run: RunRecord, steps_of: StepsOf, *, lost: str = "", more: Mapping[str, Json] = MappingProxyType({})
) -> Iterator[str]:
    """The run log document, as pieces of text that are JSON when joined; the last one ends with a newline.

    If `lost` is not "", the process of the run is gone: a run without an end is shown as failed with this message. If
    the run has finished or is lost, its unfinished steps are shown as failed, too. The entries of `more` come last.
    """
    over = bool(lost) or _has_ended(run)
    if lost and not _has_ended(run):
        run = replace(run, status=Status.FAIL, message=lost)
    final: dict[str, Parameter] = dict(run.parameters)

    def top_level() -> Iterator[StepRecord]:
        given_up: tuple[str, ...] = ()
        for step in without_past_ends(steps_of(BranchPath())):
            given_up = step.given_up
            if step.status is Status.SUCCESS:
                final.update(step.parameters)
            yield step
        if given_up:
            final.clear()
            final.update({**run.parameters, **_final_values(steps_of(BranchPath()), given_up)})

    yield _head(run)
    yield from _Steps(steps_of, run.code_identities, over=over).lines(top_level(), (), "  ")
    yield ",\n"
    yield _foot(run, final, more)


def document(run: RunRecord, steps_of: StepsOf, *, lost: str = "") -> dict[str, Json]:
    """The run log document as the mapping that its text says."""
    parsed: dict[str, Json] = json.loads("".join(document_lines(run, steps_of, lost=lost)))
    return parsed


def _final_values(steps: Iterable[StepRecord], given_up: tuple[str, ...]) -> dict[str, Parameter]:
    """The parameters that steps set, without the steps on a way that was given up."""
    count = (step for step in steps if step.status is Status.SUCCESS and step.path.name not in given_up)
    return {name: value for step in count for name, value in step.parameters.items()}


def _has_ended(run: RunRecord) -> bool:
    return run.status in ENDED


def _as_lost(step: StepRecord) -> StepRecord:
    if step.status in ENDED:
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
        '  "steps": '
    )


def _foot(run: RunRecord, final: Mapping[str, Parameter], more: Mapping[str, Json]) -> str:
    end_time = "null" if run.end_time is None else _time(run.end_time)
    return (
        f'  "parameters": {_mapping({name: shown(parameter) for name, parameter in final.items()})},\n'
        f'  "run_config": {_mapping(run.run_config)},\n'
        f'  "start_time": {_time(run.start_time)},\n'
        f'  "end_time": {end_time}'
        + "".join(f",\n  {_json(name)}: {_json(value)}" for name, value in more.items())
        + "\n}\n"
    )


class _Steps:
    """The steps of a run, with the steps of their branches, as text; one branch at a time is in memory.

    `over` means that the run has finished or is lost, so that no step of it can still run.
    """

    def __init__(self, steps_of: StepsOf, identities: tuple[CodeIdentity, ...], *, over: bool) -> None:
        self._steps_of = steps_of
        self._identities = identities
        self._over = over

    def lines(self, steps: Iterable[StepRecord], around: tuple[str, ...], indent: str) -> Iterator[str]:
        """A mapping of steps; `around` are the dotted names of what is around them, `indent` stands before its end."""
        separator = "{\n"
        for step in steps:
            before, after = self._step(_as_lost(step) if self._over else step, around, indent + "  ")
            if step.branching is None:
                yield f"{separator}{before}{{}}{after}"
            else:
                yield separator + before
                yield from self._branches(step, (*around, step.path.name), indent + "    ")
                yield after
            separator = ",\n"
        yield "{}" if separator == "{\n" else f"\n{indent}}}"

    def _step(self, step: StepRecord, around: tuple[str, ...], indent: str) -> tuple[str, str]:
        """The text of a step before its branches and after them."""
        name, own, inner = step.path.name, step.code_identities, indent + "  "
        shown_name = _known_text(name)
        before = (
            f'{indent}{shown_name}: {{\n{inner}"name": {shown_name}, '
            f'"internal_name": {_text(".".join((*around, name)))}, '
            f'"status": "{step.status}", "step_type": {_known_text(step.step_type)},\n'
            f'{inner}"message": {_text(step.message)}, "mock": {"true" if step.mock else "false"},\n'
            f'{inner}"code_identities": {_identities(self._identities if own is None else own, inner)},\n'
            f'{inner}"attempts": {_list(step.attempts, _attempt, inner)},\n'
            f'{inner}"user_defined_metrics": {_json(plain_metrics(step.metrics)) if step.metrics else "{}"}, "branches": '
        )
        files = _list(step.catalog, _entry, inner) if step.catalog else "[]"
        cache = "" if step.cache is None else _cache(step.cache)
        return before, f', "data_catalog": {files}{cache}\n{indent}}}'

    def _branches(self, step: StepRecord, around: tuple[str, ...], indent: str) -> Iterator[str]:
        separator = "{\n"
        for branch in branches_of(step):
            steps = list(without_past_ends(self._steps_of(branch.path)))
            names = (*around, branch.label)
            start = separator + self._start_of_branch(steps, names, indent + "  ", branch.value)
            lines = self.lines(steps, names, indent + "    ")
            end = f"\n{indent}  }}"
            if any(step.branching is not None for step in steps):
                yield start
                yield from lines
                yield end
            else:
                yield "".join((start, *lines, end))
            separator = ",\n"
        yield "{}" if separator == "{\n" else f"\n{indent}}}"

    def _start_of_branch(
        self, steps: Sequence[StepRecord], dotted: tuple[str, ...], indent: str, value: tuple[Json, ...]
    ) -> str:
        """The text of a branch before its steps."""
        inner = indent + "  "
        status = status_of_branch(steps, over=self._over)
        shown = Status.FAIL if status is RunHealth.LOST else status
        elements = "".join([f'{inner}"value": {_json(element)},\n' for element in value])
        return (
            f'{indent}{_text(dotted[-1])}: {{\n{inner}"internal_name": {_text(".".join(dotted))},\n{elements}'
            f'{inner}"status": "{shown}",\n{inner}"steps": '
        )


def _cache(cache: CacheRecord) -> str:
    """Why a step with `cache` ran, or which step computed its result."""
    if cache.run_id:
        return f', "cached_from": {_json({"run_id": cache.run_id, "step": cache.step})}'
    return f', "cache": {_json({"key": cache.key, "reason": cache.reason})}'


def _attempt(attempt: AttemptRecord) -> str:
    start, end = attempt.start_time, attempt.end_time
    started = _time(start)
    arguments = _json(dict(attempt.parameters)) if attempt.parameters else "{}"
    return (
        f'{{"attempt_number": {attempt.attempt_number}, '
        f'"start_time": {started}, "end_time": {started if end == start else _time(end)}, '
        f'"duration": "{_duration(attempt.duration)}", "status": "{attempt.status}", '
        f'"message": {_text(attempt.message)}, "parameters": {arguments}{_job(attempt) if attempt.job else ""}}}'
    )


def _job(attempt: AttemptRecord) -> str:
    """The job of a batch system that made the attempt, with its machine and memory."""
    memory = f', "peak_memory": {attempt.peak_memory}' if attempt.peak_memory else ""
    return f', "job": {_json(attempt.job)}, "machine": {_json(attempt.machine)}{memory}'


def _entry(entry: CatalogRecord) -> str:
    return (
        f'{{"name": {_text(entry.name)}, "data_hash": {_text(entry.data_hash)}, '
        f'"catalog_relative_path": {_text(entry.catalog_relative_path)}, '
        f'"catalog_handler_location": {_text(entry.catalog_handler_location)}, '
        f'"stage": "{entry.stage}", "size": {entry.size}}}'
    )


def _text(value: str) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return _ASCII_ENCODER.encode(value)


_known_text: Final = lru_cache(maxsize=1024)(_text)
"""The same for names and other texts that many steps have."""


@lru_cache(maxsize=16)
def _identities(identities: tuple[CodeIdentity, ...], indent: str) -> str:
    """The identities in a step; most steps of a run have the same."""
    return _list(identities, _identity, indent)


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
    """Seconds as `0:00:00.000423`; hours count beyond 23."""
    microseconds = round(seconds * 1_000_000)
    if 0 <= microseconds < 1_000_000:
        return f"0:00:00.{microseconds:06}"
    minutes, microseconds = divmod(microseconds, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    whole, microseconds = divmod(microseconds, 1_000_000)
    return f"{hours}:{minutes:02}:{whole:02}.{microseconds:06}"


def _list(items: tuple[ItemT, ...], text: Callable[[ItemT], str], indent: str = "      ") -> str:
    """A list in a step, one line for each of several items; `indent` stands before its end."""
    if len(items) < 2:
        return f"[{''.join(map(text, items))}]"
    return f"[\n{indent}  " + f",\n{indent}  ".join(map(text, items)) + f"\n{indent}]"


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
        return _ENCODER.encode(without_nan(value)) if "null" in text else text  # it writes NaN as null
    except UnicodeEncodeError:
        return _ASCII_ENCODER.encode(without_nan(value))


def without_nan(value: Json) -> Json:
    """The value with text for the numbers that JSON does not have."""
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case Mapping():
            return {name: without_nan(inner) for name, inner in value.items()}
        case list() | tuple():
            return [without_nan(inner) for inner in value]
        case _:
            return value
