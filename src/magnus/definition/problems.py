"""What pydantic found wrong with what a user wrote, in our words, with the place and what to write instead."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from magnus.definition.yaml_text import Locate
from magnus.errors import Problem
from magnus.graph.check import near


def problems_of(
    error: ValidationError, what: str, model: type[BaseModel], locate: Locate, *, more_fields: Iterable[str] = ()
) -> list[Problem]:
    """A problem per complaint. `what` stands before the message when it is not ""; `locate` places a key path."""
    return [
        _problem(complaint, what, _fields_at(model, complaint["loc"], more_fields), locate)
        for complaint in error.errors(include_url=False)
    ]


def _fields_at(model: type[BaseModel], path: Sequence[str | int], more_fields: Iterable[str]) -> list[str]:
    """The fields that may be written where the complaint is."""
    for part in path[:-1]:
        field = model.model_fields.get(str(part))
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            return []
        model, more_fields = field.annotation, ()
    return [*model.model_fields, *more_fields]


def _problem(complaint: Any, what: str, known: Sequence[str], locate: Locate) -> Problem:
    path = tuple(part for part in complaint["loc"] if not _is_internal(part))
    name = ".".join(str(part) for part in path)
    match complaint["type"]:
        case "extra_forbidden":
            match = near(str(path[-1]), known)
            fix = f"did you mean '{match}'?" if match else _known(known)
            message = f"unknown field '{name}'"
        case "missing":
            message, fix = f"'{name}' is missing", f"add '{name}'"
        case "value_error":
            text = str(complaint["ctx"]["error"])
            message, fix = (f"{name} {text}" if name else text), ""
        case kind:
            message, fix = f"{name} {_expected(kind, complaint)}, not {_shown(complaint['input'])}", ""
    return Problem(f"{what}: {message}" if what else message, fix, locate(*path))


def _is_internal(part: str | int) -> bool:
    return isinstance(part, str) and ("[" in part or part in {"str", "int", "list", "dict", "ReturnItem"})


def _known(known: Sequence[str]) -> str:
    return f"there are {', '.join(repr(name) for name in known)}" if known else "remove it, there are no options"


def _expected(kind: str, complaint: Any) -> str:
    limits = complaint.get("ctx", {})
    words = {
        "int_parsing": "must be a whole number",
        "int_type": "must be a whole number",
        "int_from_float": "must be a whole number",
        "float_parsing": "must be a number",
        "float_type": "must be a number",
        "string_type": "must be text",
        "bool_parsing": "must be true or false",
        "bool_type": "must be true or false",
        "list_type": "must be a list",
        "tuple_type": "must be a list",
        "dict_type": "must be a mapping",
        "model_type": "must be a mapping",
        "model_attributes_type": "must be a mapping",
        "mapping_type": "must be a mapping",
        "greater_than_equal": f"must be at least {limits.get('ge')}",
        "greater_than": f"must be more than {limits.get('gt')}",
        "literal_error": f"must be {limits.get('expected')}",
    }
    return words.get(kind, str(complaint["msg"])[:1].lower() + str(complaint["msg"])[1:])


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
