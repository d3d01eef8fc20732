"""Turns the value that a function of the user returned into parameters and metrics. Used by `tasks.functions.call`."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from magnus.engine.values.json_values import is_model, is_old_model, members, to_json_value, type_name
from magnus.errors import TaskFailed
from magnus.graph.nodes import Return
from magnus.interfaces.objects import Objects
from magnus.run_log.parameters import JsonParameter, MetricParameter, Parameter
from magnus.run_log.records import CatalogRecord
from magnus.values import Json, UserObject

_JSON_TYPES: Final = (str, int, float, list, tuple)


class Results(Struct, frozen=True):
    """The parameters a task set and the metrics it tracked, by name, the entries of the objects among them, and warnings."""

    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    metrics: Mapping[str, Json] = field(default_factory=dict)
    entries: tuple[CatalogRecord, ...] = ()
    warnings: tuple[str, ...] = ()


def results_of(
    returned: UserObject, returns: Sequence[Return] | None, title: str, objects: Objects | None = None
) -> Results:
    """The parameters and metrics that `returned` sets.

    With declared `returns` it is their values in order: the value itself for one, a tuple for several; with none
    declared in so many words it is dropped. Without a declaration the parts of a pydantic model (by alias), dataclass,
    named tuple or mapping are set, each under its name, and None sets nothing; everything else has no name, and is
    dropped with a warning. `title` is what messages call the task, `objects` keeps what is declared as an object.

    Raises:
        TaskFailed: there are more or fewer values than declared, or a value cannot be kept as it was declared.
    """
    if returns is None:
        parts = _parts(returned, title)
        if parts is None:
            return Results(warnings=(_unnamed_warning(returned, title),))
        return Results({name: JsonParameter(to_json_value(value, name=name)) for name, value in parts.items()})
    values = _in_order(returned, returns, title)
    entries: list[CatalogRecord] = []
    parameters = {
        declared.name: _parameter(declared, value, objects, entries)
        for declared, value in zip(returns, values, strict=True)
    }
    metrics = {
        name: parameter.value for name, parameter in parameters.items() if isinstance(parameter, MetricParameter)
    }
    return Results(parameters, metrics, tuple(entries))


def _in_order(returned: UserObject, returns: Sequence[Return], title: str) -> Sequence[UserObject]:
    match len(returns):
        case 0:
            return ()
        case 1:
            return (returned,)
        case declared if isinstance(returned, tuple) and len(returned) == declared:
            return returned
        case _:
            description = f"{len(returned)} values" if isinstance(returned, tuple) else _what(returned)
            names = ", ".join(item.name for item in returns)
            raise TaskFailed(f"{title} returned {description}; 'returns' declares a tuple of {len(returns)}: {names}")


def _parameter(declared: Return, value: UserObject, objects: Objects | None, entries: list[CatalogRecord]) -> Parameter:
    match declared.kind:
        case "json":
            return JsonParameter(to_json_value(value, name=declared.name))
        case "metric":
            return MetricParameter(to_json_value(value, name=declared.name, allow_nan=True))
        case "object":
            if objects is None:
                raise TaskFailed(f"'{declared.name}' is declared as an object, and there is no catalog to keep it")
            reference, entry = objects.put(declared.name, value, declared.format)
            entries.append(entry)
            return reference


def _unnamed_warning(returned: UserObject, title: str) -> str:
    """The warning about a value without a name, and how to declare one."""
    is_json = isinstance(returned, _JSON_TYPES)
    item, option = ("NAME", "NAME") if is_json else ("{name: NAME, kind: object}", "NAME:object")
    return f"{title} returned {_what(returned)}, which has no name and is dropped; to keep it, declare returns: [{item}], or on the command line --returns {option}"


def _parts(returned: UserObject, title: str) -> Mapping[str, UserObject] | None:
    """The named parts of what came back without a declaration; None when it has none."""
    if returned is None:
        return {}
    parts = returned if type(returned) is dict else _mapping(returned)
    if parts is None:
        return None
    for name in parts:
        if not isinstance(name, str):
            raise TaskFailed(f"{title} returned a mapping with the key {name!r}; the names of parameters must be text")
    return {str.__str__(name): value for name, value in parts.items()}


def _mapping(returned: UserObject) -> Mapping[UserObject, UserObject] | None:
    """The parts of a value that has named parts; None for every other."""
    if is_model(returned):
        returned = _model_parts(returned)
    elif (parts := members(returned)) is not None:
        return parts
    return returned if isinstance(returned, Mapping) else None


def _model_parts(model: UserObject) -> UserObject:
    """The model as pydantic writes it. A part that pydantic cannot write stays as it is; a later error names it."""
    from pydantic_core import PydanticSerializationError  # lazy: loaded already when there is a model

    if is_old_model(model):
        return model.dict(by_alias=True)
    try:
        return model.model_dump(mode="json", by_alias=True)
    except PydanticSerializationError:
        return model.model_dump(by_alias=True)


def _what(value: UserObject) -> str:
    return f"a value of type {type_name(value)}"
