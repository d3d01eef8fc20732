"""Parameters, metrics, files, times and statuses of runs as text on one line."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from magnus.app.text.object_references import completed, object_text, readable
from magnus.app.text.palette import Style, style_of
from magnus.app.text.plain_text import plain, short
from magnus.app.text.units import elapsed, size
from magnus.errors import CatalogError
from magnus.run_log.parameters import (
    JsonParameter,
    LargeParameter,
    ListParameter,
    MetricParameter,
    ObjectParameter,
    Parameter,
    argument_reference,
)
from magnus.run_log.records import CatalogRecord, CodeIdentity, RunStatus
from magnus.values import Json


def duration(took: timedelta | None) -> str:
    """The duration, or "" for None."""
    return "" if took is None else elapsed(took.total_seconds())


def moment(when: datetime | None) -> str:
    """The time in UTC, to the second."""
    return when.isoformat(" ")[:19] if when else ""


def minute(when: datetime | None) -> str:
    """The time in UTC, to the minute."""
    return moment(when)[:16]


def last_heard(when: datetime, workflow: str) -> str:
    """The workflow and the last record of a running run of another engine."""
    return f"the engine runs it as {workflow}; last heard of at {moment(when)} UTC"


def style(status: RunStatus) -> Style:
    """The style of a status on a terminal."""
    return style_of(status)


_LONGEST = 60
_MOST = 8
_SHORT_HASH = 12


def shortened(values: Mapping[str, str], *, everything: bool) -> str:
    """`a = 1, b = 2`, with long values cut, and only the first ones unless `everything`."""
    shown = [f"{plain(name)} = {cut(text)}" for name, text in values.items()]
    if len(shown) > _MOST and not everything:
        shown[_MOST:] = [f"and {len(shown) - _MOST} more"]
    return ", ".join(shown)


def parameters(values: Mapping[str, Parameter]) -> Mapping[str, str]:
    """The text of each."""
    return {name: _parameter(value) for name, value in values.items()}


def whole_parameters(values: Mapping[str, Parameter]) -> Mapping[str, str]:
    """The text of each; a large value is read, as long as it is there."""
    return {name: _whole(value) for name, value in values.items()}


def input_texts(values: Mapping[str, Json], objects: Mapping[str, ObjectParameter]) -> Mapping[str, str]:
    """The text of an input of a task; of a large value its size, of one of these objects its type and size."""
    return {
        name: _parameter(argument_reference(value) or JsonParameter(completed(value, objects)))
        for name, value in values.items()
    }


def texts(values: Mapping[str, Json]) -> Mapping[str, str]:
    """The text of each."""
    return {name: text_of(value) for name, value in values.items()}


def text_of(value: Json) -> str:
    """The value as JSON, on one line; a reference to an object as people read it."""
    shown = readable(value)
    if isinstance(value, dict) and isinstance(shown, str):
        return plain(shown)
    if isinstance(value, list) and shown != value:
        return f"[{', '.join(map(text_of, value))}]"
    return plain(json.dumps(shown, ensure_ascii=False))


def files(entries: Iterable[CatalogRecord], stage: str) -> Mapping[str, str]:
    """The names and sizes of the files of a stage, `get` or `put`."""
    return {entry.name: size(entry.size) for entry in entries if entry.stage == stage}


def file_names(entries: Mapping[str, str], *, everything: bool) -> str:
    """`a.csv (3 B), b.csv (1.2 MB)`."""
    shown = [f"{plain(name)} ({text})" for name, text in entries.items()]
    if len(shown) > _MOST and not everything:
        shown[_MOST:] = [f"and {len(shown) - _MOST} more"]
    return ", ".join(shown)


def identities(records: Iterable[CodeIdentity]) -> Iterator[str]:
    """Which code ran: `git 0123456789ab, with changes`."""
    for identity in records:
        changed = "" if identity.code_identifier_dependable else ", with changes"
        yield f"{identity.code_identifier_type} {identity.code_identifier[:_SHORT_HASH]}{changed}"


def cut(text: str) -> str:
    """The text, not too long for a line that has others on it."""
    return short(text, _LONGEST)


def _whole(value: Parameter) -> str:
    if isinstance(value, ListParameter):
        return f"[{', '.join(map(_whole, value.items))}]"
    try:
        return text_of(value.value) if isinstance(value, LargeParameter) else _parameter(value)
    except CatalogError:
        return _parameter(value)


def _parameter(value: Parameter) -> str:
    match value:
        case JsonParameter(value=inner) | MetricParameter(value=inner):
            return text_of(inner)
        case LargeParameter(size=number):
            return f"<value of {size(number)}>"
        case ObjectParameter(catalog_name=name, data_hash=data_hash, size=number, type_name=type_name):
            return object_text(name, data_hash, number, type_name)
        case ListParameter(items=items):
            return f"[{', '.join(map(_parameter, items))}]"
