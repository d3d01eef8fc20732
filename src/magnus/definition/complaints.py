"""Words the mistakes in fields that a user wrote. Called by `definition.fields` when the fields do not fit."""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from msgspec import Struct, ValidationError, convert
from msgspec.structs import fields

from magnus.definition.wrong_fields import Complaint, read_special, shown, what_to_write
from magnus.suggest import near
from magnus.values import Json

Path = tuple[str | int, ...]

_EXPECTED: Final = re.compile(r"Expected `(?P<types>[^`]+)`(?: (?P<sign>>=|>|<=|<) (?P<limit>\S+))?")
_WORDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
}
_FIELDS_OF_OTHER_TOOLS: Final = {
    "retries": "max_attempts",
    "max_retries": "max_attempts",
    "outputs": "returns",
    "output": "returns",
    "on_error": "on_failure",
    "script": "command",
    "function": "command",
    "over": "iterate_on",
    "items": "iterate_on",
}
"""Words of other tools, with the fields of magnus for them."""

_OF_FIELDS: Final[Mapping[tuple[str, type], str]] = {
    ("branches", list): "write each branch as '<name>:', with its pipeline indented below it",
    ("iterate_on", list): "name a parameter, and give it that list in a parameters file",
    ("iterate_on", dict): "name a parameter that holds a list",
}
"""The fix for values that users often write in these fields."""

_SIGNS: Final = {">=": "at least", ">": "more than", "<=": "at most", "<": "less than"}


def complaints(model: type[Struct], written: Json, more_fields: Sequence[str], path: Path = ()) -> list[Complaint]:
    """All mistakes in the fields of a model."""
    if not isinstance(written, dict):
        return [_wrong(path, "must be a mapping", written)]
    types = {field.encode_name: field for field in fields(model)}
    hints = get_type_hints(model, include_extras=True)
    mistakes: list[Complaint] = []
    suggestions: set[str] = set()
    for key, value in written.items():
        if key in types:
            mistakes += _of_value(hints[types[key].name], value, (*path, key))
        elif model.__struct_config__.forbid_unknown_fields:
            names = [*types, *more_fields]
            mistakes.append(unknown_field((*path, key), names))
            suggestions.add(near(str(key), names))
    missing = [
        name for name, field in types.items() if field.required and name not in written and name not in suggestions
    ]
    return mistakes + [
        Complaint((*path, name), f"'{_dotted((*path, name))}' is missing", f"add '{name}'") for name in missing
    ]


def _of_value(kind: Any, value: Json, path: Path) -> Iterator[Complaint]:
    """The mistakes in a value of a type."""
    kind = _arm(kind, value)
    if isinstance(kind, type) and issubclass(kind, Struct):
        yield from complaints(kind, value, (), path)
    elif get_origin(kind) is tuple and isinstance(value, list):
        for position, item in enumerate(value):
            yield from _of_value(get_args(kind)[0], item, (*path, position))
    elif get_origin(kind) is Mapping and isinstance(value, dict):
        yield from _of_mapping(kind, value, path)
    elif get_origin(kind) is Literal:
        if value not in get_args(kind):
            yield _wrong(path, f"must be {_alternatives(get_args(kind))}", value)
    else:
        try:
            convert(value, kind, strict=False, dec_hook=read_special)
        except ValidationError as error:
            yield _refused(path, error, value)


def _of_mapping(kind: Any, mapping: Mapping[str, Json], path: Path) -> Iterator[Complaint]:
    name, item = get_args(kind)
    for key, value in mapping.items():
        try:
            convert(key, name, strict=False, dec_hook=read_special)
        except ValidationError:
            yield Complaint((*path, key), f"{_dotted(path)} cannot have the name {key!r}")
        else:
            yield from _of_value(item, value, (*path, key))


def _arm(kind: Any, value: Json) -> Any:
    """The part of a union that the value was meant for: by its shape, where only one part has it."""
    if get_origin(kind) not in {Union, UnionType}:
        return kind
    parts = get_args(kind)
    match value:
        case dict():
            candidates = [part for part in parts if isinstance(part, type) and issubclass(part, Struct)]
        case list():
            candidates = [part for part in parts if get_origin(part) is tuple]
        case _:
            candidates = []
    return candidates[0] if len(candidates) == 1 else kind


def unknown_field(path: Path, names: Sequence[str]) -> Complaint:
    """A complaint about an unknown field, with the field that the user probably meant."""
    translation = _FIELDS_OF_OTHER_TOOLS.get(str(path[-1]), "")
    match = translation if translation in names else near(str(path[-1]), names)
    if match:
        fix = f"did you mean '{match}'?"
    elif names:
        fix = f"there are {', '.join(repr(name) for name in names)}"
    else:
        fix = "remove it, there are no options"
    return Complaint(path, f"unknown field '{_dotted(path)}'", fix)


def _refused(path: Path, error: ValidationError, value: Json) -> Complaint:
    if error.__cause__ is not None:  # raised by a type that reads what is written itself
        return Complaint(path, f"{_dotted(path)} {error.__cause__}", what_to_write(str(error.__cause__), value))
    if value == "" and "of length >= 1" in str(error):
        return Complaint(path, f"{_dotted(path)} must not be empty", "write something, or leave the field out")
    expected = _EXPECTED.match(str(error))
    if expected is None:
        return _wrong(path, f"is wrong ({error})", value)
    if expected["sign"]:
        return _wrong(path, f"must be {_SIGNS[expected['sign']]} {expected['limit']}", value)
    words = [_WORDS.get(name, name) for name in expected["types"].split(" | ") if name != "null"]
    return _wrong(path, f"must be {' or '.join(words)}", value)


def _wrong(path: Path, must: str, value: Json) -> Complaint:
    fix = _OF_FIELDS.get((str(path[-1]), type(value))) if path else None
    return Complaint(path, f"{_dotted(path)} {must}, not {shown(value)}", fix or what_to_write(must, value))


def _alternatives(values: Sequence[Any]) -> str:
    *first, last = (repr(value) for value in values)
    return f"{', '.join(first)} or {last}" if first else last


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path)
