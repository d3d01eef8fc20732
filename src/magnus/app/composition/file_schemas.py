"""JSON Schema of pipeline and configuration files, for editors. Made from the models that read them.

Types of other packages that are installed are in it, unless it is made without them, as the published copies are.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import fields

from magnus.app.composition import plugins
from magnus.app.composition.configuration import FAMILIES
from magnus.definition.json_schema import VARIABLE, object_schema
from magnus.definition.nodes import NODE_TYPES, NodeTraits, NodeType, main_word
from magnus.definition.nodes.contract import traits_of
from magnus.definition.nodes.stub import Stub
from magnus.definition.nodes.task import RETURN_FIELDS, TASK_FIELDS, CacheDefault, Task
from magnus.definition.shape import FIELDS
from magnus.errors import InvalidConfiguration
from magnus.values import Json

NodeTypes: TypeAlias = Mapping[str, type[NodeType]]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_NAME: Final[Json] = {"pattern": r"^[^.%\u0000]+$"}
_PIPELINE: Final[Json] = {"$ref": "#/$defs/pipeline"}
_BRANCH: Final[Json] = {"$ref": "#/$defs/branch"}
_MAYBE_BRANCH: Final[Json] = {"anyOf": [_BRANCH, {"type": "null"}]}
_STEP_NAME: Final[Json] = {"type": ["string", "number", "boolean"]}
"""The name of a step: text, for every value of YAML."""
_OVERRIDES: Final[Json] = {"type": "object", "additionalProperties": _STEP_NAME}
_ON_FAILURE: Final[Json] = {"anyOf": [_STEP_NAME, _BRANCH, {"type": "null"}]}
_TASK_WORD: Final = next(word for word, node_type in NODE_TYPES.items() if node_type is Task)
_DEFAULT_KIND: Final = "python"
_SERVICES: Final[Mapping[str, str]] = {
    "executor": "Where and how steps run.",
    "run_log_store": "Where the records of runs are kept.",
    "catalog": "Where files and objects are kept.",
    "secrets": "Where secrets come from.",
    "experiment_tracker": "The tracker that receives metrics and parameters.",
    "pickler": "How objects become bytes.",
}


def pipeline_schema(*, entry_points: plugins.EntryPoints = plugins.installed) -> dict[str, Json]:
    """The schema of pipeline files."""
    kinds = {name: _options("tasks", name, entry_points) for name in _types("tasks", entry_points)}
    node_types = {**NODE_TYPES, **_node_types_of_others(entry_points)}
    return {
        "$schema": _DIALECT,
        "title": "magnus pipeline",
        "type": "object",
        "properties": {"dag": {"description": "The pipeline.", **_PIPELINE}},
        "required": ["dag"],
        "additionalProperties": False,
        "$defs": {
            "pipeline": _pipeline(),
            "branch": {"if": {"required": ["steps"]}, "then": _PIPELINE, "else": {"$ref": "#/$defs/step"}},
            "step": _step(node_types),
            **{
                _definition(word): _node(word, node_type)
                for word, node_type in node_types.items()
                if node_type is not Task
            },
            "task": _task(kinds),
            "task fields": _task_fields(kinds),
            **{f"{name} task": _task_of(options) for name, options in kinds.items()},
        },
    }


def configuration_schema(*, entry_points: plugins.EntryPoints = plugins.installed) -> dict[str, Json]:
    """The schema of configuration files."""
    return {
        "$schema": _DIALECT,
        "title": "magnus configuration",
        "type": "object",
        "properties": {family: _service(family, entry_points) for family in FAMILIES},
        "additionalProperties": False,
    }


def _types(family: str, entry_points: plugins.EntryPoints) -> list[str]:
    families = plugins.ENGINES if family == "executor" else (family,)
    found = [plugins.types(each, entry_points=entry_points) for each in families]
    return list(dict.fromkeys(name for names in found for name in names))


def _node_types_of_others(entry_points: plugins.EntryPoints) -> dict[str, type[NodeType]]:
    """The node types of other packages; one that cannot be loaded takes any field."""
    node_types: dict[str, type[NodeType]] = {}
    for word in plugins.offered("nodes", entry_points=entry_points):
        try:
            node_types[word] = plugins.find("nodes", word, entry_points=entry_points)
        except InvalidConfiguration:
            node_types[word] = Stub
    return node_types


def _options(family: str, name: str, entry_points: plugins.EntryPoints) -> dict[str, Json]:
    """The schema of the options of a type; one that takes anything where its package cannot be loaded."""
    try:
        if family == "executor":
            _, plugin = plugins.find_engine(name, entry_points=entry_points)
        else:
            plugin = plugins.find(family, name, entry_points=entry_points)
    except InvalidConfiguration:
        return {"type": "object", "properties": {}, "required": []}
    return object_schema(plugin.options, {})


def _pipeline() -> Json:
    shapes: Mapping[str, Json] = {
        "cache": object_schema(CacheDefault, {})["properties"]["cache"],
        "start_at": _STEP_NAME,
        "steps": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": _NAME,
            "additionalProperties": {"$ref": "#/$defs/step"},
        },
    }
    properties = {name: {**shapes.get(name, {}), "description": description} for name, description in FIELDS.items()}
    return {
        "type": "object",
        "properties": properties,
        "required": ["steps"],
        "additionalProperties": False,
    }


def _step(node_types: NodeTypes) -> Json:
    """Any step: its type says which fields it has, a task where it has none."""
    words = [{"const": word, "description": _summary(word, node_type)} for word, node_type in node_types.items()]
    kind = {"description": "What kind of step this is.", "anyOf": [*words, VARIABLE], "default": _TASK_WORD}
    return {
        "type": "object",
        "properties": {"type": kind},
        "allOf": [_if("type", word, _definition(word), is_default=word == _TASK_WORD) for word in node_types],
    }


def _summary(word: str, node_type: type[NodeType]) -> str:
    """The first sentence of the docstring of the node type."""
    if main_word(word) != word:
        return f"The same as {main_word(word)}."
    return (node_type.__doc__ or "").strip().partition("\n")[0]


def _definition(word: str) -> str:
    return word if word == _TASK_WORD else f"{word} step"


def _if(field: str, value: str, definition: str, *, is_default: bool) -> Json:
    required = {} if is_default else {"required": [field]}
    return {"if": {"properties": {field: {"const": value}}, **required}, "then": {"$ref": f"#/$defs/{definition}"}}


def _node(word: str, node_type: type[NodeType]) -> Json:
    if not issubclass(node_type, Struct):  # of another package, which may read its fields in any way
        return {"type": "object", "properties": {"type": {"const": word}}}
    traits = traits_of(node_type)
    optional = {field.encode_name for field in fields(node_type) if not field.required}
    special = {
        "on_failure": _ON_FAILURE,
        "next": _STEP_NAME,
        "overrides": _OVERRIDES,
        **{key: _MAYBE_BRANCH if key in optional else _BRANCH for key in traits.pipelines},
        **dict.fromkeys(traits.branches, _branches(traits)),
    }
    schema = object_schema(node_type, special, without=("name", "fields"))
    schema["properties"]["type"] = {"const": word, "description": _summary(word, node_type)}
    schema["required"] = [name for name in schema["required"] if name != "next"]
    if traits.takes_any_field:
        schema["additionalProperties"] = True
    for field, in_place in traits.files.items():
        schema["anyOf"] = [{"required": [in_place]}, {"required": [field]}]
    return schema


def _branches(traits: NodeTraits) -> Json:
    names = {"propertyNames": {"pattern": r"^[^.%]*$"}} if traits.limits_branch_names else {}
    return {"type": "object", "minProperties": 1, "additionalProperties": _BRANCH, **names}


def _task(kinds: Iterable[str]) -> Json:
    """A task: its command type says which more fields it has."""
    command_type = {"properties": {"command_type": {"$ref": "#/$defs/task fields/properties/command_type"}}}
    chosen = [_if("command_type", kind, f"{kind} task", is_default=kind == _DEFAULT_KIND) for kind in kinds]
    return {**command_type, "allOf": chosen}


def _task_fields(kinds: Iterable[str]) -> Json:
    """What every task may say."""
    words: Json = {"anyOf": [{"enum": list(kinds)}, VARIABLE]}
    special = {"on_failure": _ON_FAILURE, "next": _STEP_NAME, "overrides": _OVERRIDES, "command_type": words}
    schema = object_schema(Task, special, without=("name", "options"))
    schema["properties"]["type"] = {"const": _TASK_WORD, "description": _summary(_TASK_WORD, Task)}
    _add_short_returns(schema["properties"]["returns"]["anyOf"])
    schema["required"] = [name for name in schema["required"] if name != "next"]
    attempts = schema["properties"]["max_attempts"]
    schema["properties"]["retry"] = {**attempts, "description": "The same as `max_attempts`."}
    schema["additionalProperties"] = True
    return schema


def _add_short_returns(forms: list[Json]) -> None:
    """Add `name: kind`, as an item of the list that is the first form, and the mapping of names to kinds."""
    items = forms[0]["items"]["anyOf"]
    with_format = {"type": "string", "pattern": "^object:."}
    kind = {"anyOf": [*items[-1]["properties"]["kind"]["anyOf"], with_format]}
    other = {"not": {"enum": sorted(RETURN_FIELDS)}}
    items.append({
        "type": "object", "propertyNames": other, "additionalProperties": kind, "minProperties": 1, "maxProperties": 1,
    })  # fmt: skip
    forms.append({"type": "object", "additionalProperties": kind})


def _task_of(options: Mapping[str, Json]) -> Json:
    """A task of one command type."""
    shared = {name: {"$ref": f"#/$defs/task fields/properties/{name}"} for name in (*TASK_FIELDS, "type", "retry")}
    own = {name: schema for name, schema in options["properties"].items() if name not in shared}
    return {
        "type": "object",
        "properties": {**shared, **own},
        "required": ["command", *(name for name in options["required"] if name in own)],
        "additionalProperties": options.get("additionalProperties", True),
    }


def _service(family: str, entry_points: plugins.EntryPoints) -> Json:
    types = _types(family, entry_points)
    chosen = []
    for name in types:
        options = _options(family, name, entry_points)
        then: Json = {"properties": {"config": {"anyOf": [options, {"enum": [None, "", 0, False, []]}]}}}
        if options["required"]:
            then["required"] = ["config"]
        chosen.append({"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": then})
    word = {"description": "Which one.", "anyOf": [{"enum": types}, VARIABLE], "default": FAMILIES[family]}
    return {
        "description": _SERVICES[family],
        "type": "object",
        "properties": {"type": word, "config": {"description": "Its options."}},
        "required": ["type"],
        "additionalProperties": False,
        "allOf": chosen,
    }
