"""Converts fields to the pydantic model of a plugin, and rewords pydantic's errors. Called by `definition.fields`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from magnus.definition.complaints import unknown_field
from magnus.definition.wrong_fields import Complaint, WrongFields, shown, what_to_write
from magnus.values import Json

_WORDS: Final = {
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
    "mapping_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "literal_error": "must be {expected}",
}


def read_pydantic(model: Any, written: Mapping[str, Json], more_fields: Iterable[str]) -> Any:
    """The model of the written fields. Raises WrongFields with all mistakes."""
    try:
        return model.model_validate(written)
    except ValidationError as error:
        complaints = error.errors(include_url=False)
        raise WrongFields([_complaint(detail, model, tuple(more_fields)) for detail in complaints]) from None


def pydantic_names(model: Any) -> Sequence[str] | None:
    """The names that may be written for the model; None where it takes any, or reads names in a way of its own."""
    fields: Mapping[str, Any] = model.model_fields
    if model.model_config.get("extra") != "forbid" or any(field.validation_alias for field in fields.values()):
        return None
    return list(fields)


def _complaint(detail: Any, model: type[BaseModel], more_fields: Sequence[str]) -> Complaint:
    path = tuple(part for part in detail["loc"] if not _is_internal(part))
    name = ".".join(str(part) for part in path)
    match detail["type"]:
        case "extra_forbidden":
            return unknown_field(path, _fields_at(model, detail["loc"], more_fields))
        case "missing":
            return Complaint(path, f"'{name}' is missing", f"add '{name}'")
        case "value_error":
            text = str(detail["ctx"]["error"])
            return Complaint(path, f"{name} {text}" if name else text, "correct the value")
        case kind:
            message = str(detail["msg"])
            words = _WORDS.get(kind, message[:1].lower() + message[1:]).format_map(detail.get("ctx", {}))
            return Complaint(
                path,
                f"{name} {words}, not {shown(detail['input'])}",
                what_to_write(words, detail["input"]),
            )


def _fields_at(model: type[BaseModel], path: Sequence[str | int], more_fields: Sequence[str]) -> list[str]:
    """The fields that may be written where the complaint is."""
    for part in path[:-1]:
        field = model.model_fields.get(str(part))
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            return []
        model, more_fields = field.annotation, ()
    return [*model.model_fields, *more_fields]


def _is_internal(part: str | int) -> bool:
    """Whether pydantic added the part to the path: the arm of a union."""
    return isinstance(part, str) and ("[" in part or part in {"str", "int", "float", "bool", "list", "dict"})
