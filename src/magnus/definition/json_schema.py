"""Makes JSON Schemas of the models of files that users write. Called by `app.composition.file_schemas` alone.

A schema refuses nothing that `definition.fields` reads: text stands for numbers and truth values, and a text with a
variable for any text. The description of a field is read from the section "Attributes" of its model.
"""

import inspect
import re
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from msgspec import NODEFAULT, Meta, Struct
from msgspec.structs import fields

from magnus.definition.field_types import Duration, PositiveDuration, Texts
from magnus.values import Json

VARIABLE: Final[Json] = {"type": "string", "pattern": r"\$"}
_WHOLE: Final[Json] = {"type": "string", "pattern": r"^[\s\d_.eE+-]+$|\$"}
_NUMBER: Final[Json] = {"type": "string", "pattern": r"\d|[iI][nN][fF]|\$"}
_TRUTH: Final[Json] = {"type": "string", "pattern": r"^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[01])$|\$"}
_NULL: Final[Json] = {"type": "string", "pattern": "^[Nn][Uu][Ll][Ll]$"}
_ATTRIBUTE: Final = re.compile(r"    (\w+): (.*)")


def object_schema(model: type[Any], replaced: Mapping[str, Json], *, without: tuple[str, ...] = ()) -> dict[str, Json]:
    """The schema of a mapping with the fields of a model; `replaced` has schemas of fields that are something special."""
    if not issubclass(model, Struct):
        return _of_pydantic(model)
    hints = get_type_hints(model, include_extras=True)
    described = descriptions(model)
    model_fields = [field for field in fields(model) if field.encode_name not in without]
    properties = {}
    for field in model_fields:
        schema = replaced.get(field.encode_name) or type_schema(hints[field.name])
        default = {} if field.default in (NODEFAULT, None) or _is_special(field.default) else {"default": field.default}
        description = described.get(field.name, "")
        properties[field.encode_name] = {**({"description": description} if description else {}), **schema, **default}
    return {
        "type": "object",
        "properties": properties,
        "required": [field.encode_name for field in model_fields if field.required],
        "additionalProperties": not model.__struct_config__.forbid_unknown_fields,
    }


def descriptions(model: type[Any]) -> dict[str, str]:
    """The purpose of each field of a model, from the section "Attributes" of its docstring and of its bases."""
    texts: dict[str, str] = {}
    for part in reversed(model.__mro__):
        _, _, section = inspect.cleandoc(vars(part).get("__doc__") or "").partition("Attributes:\n")
        name = ""
        for line in section.splitlines():
            if match := _ATTRIBUTE.fullmatch(line):
                name, texts[match[1]] = match[1], match[2][:1].upper() + match[2][1:]
            elif name and line.startswith("     "):
                texts[name] += " " + line.strip()
            else:
                name = ""
    return texts


def type_schema(kind: Any) -> dict[str, Json]:
    """The schema of what may be written for a type."""
    limits: dict[str, Json] = {}
    if get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        least = [meta.ge for meta in more if isinstance(meta, Meta) and meta.ge is not None]
        limits = {"minimum": max(least)} if least else {}
    if kind in _PLAIN:
        return {**_PLAIN[kind], **limits}
    if kind is int:
        return {"anyOf": [{"type": "integer", **limits}, _WHOLE]}
    if isinstance(kind, type) and issubclass(kind, Struct):
        return object_schema(kind, {})
    return _of_generic(kind)


def _of_generic(kind: Any) -> dict[str, Json]:
    origin, parts = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        schemas = [type_schema(part) for part in parts if part is not NoneType]
        nothing = [{"type": "null"}, *([] if str in parts else [_NULL])] if NoneType in parts else []
        return {"anyOf": [*schemas, *nothing]}
    if origin is Literal:
        return {"anyOf": [{"enum": list(parts)}, VARIABLE]}
    if origin is tuple:
        return {"type": "array", "items": type_schema(parts[0])}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": type_schema(parts[1])}
    return {}


def _duration(**limit: float) -> dict[str, Json]:
    return {"anyOf": [{"type": "number", **limit}, _NUMBER], "examples": [30, "1h30m"]}


_PLAIN: Final[Mapping[Any, dict[str, Json]]] = {
    str: {"type": "string"},
    bool: {"anyOf": [{"type": "boolean"}, {"enum": [0, 1]}, _TRUTH]},
    float: {"anyOf": [{"type": "number"}, _NUMBER]},
    Texts: {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]},
    Duration: _duration(minimum=0),
    PositiveDuration: _duration(exclusiveMinimum=0),
}


def _is_special(default: Any) -> bool:
    """Whether a default says nothing to a reader: empty, or a model of its own."""
    return not isinstance(default, str | int | float) or default == ""


def _of_pydantic(model: type[Any]) -> dict[str, Json]:
    """The schema that pydantic makes, lax as the reading is, with what it refers to put in its place."""
    full: Json = model.model_json_schema()
    parts = full.pop("$defs", {})
    schema: dict[str, Json] = _lax(full, parts)
    return {**schema, "required": schema.get("required", []), "properties": schema.get("properties", {})}


def _lax(schema: Json, parts: Mapping[str, Json], around: tuple[str, ...] = ()) -> Json:
    match schema:
        case {"$ref": str(reference)}:
            name = reference.rpartition("/")[2]
            return {} if name in around else _lax(parts[name], parts, (*around, name))
        case {"type": "integer" | "number" | "boolean"}:
            return {"anyOf": [schema, {"type": ["string", "integer", "number"]}]}
        case dict():
            return {key: _lax(value, parts, around) for key, value in schema.items()}
        case list():
            return [_lax(value, parts, around) for value in schema]
        case _:
            return schema
