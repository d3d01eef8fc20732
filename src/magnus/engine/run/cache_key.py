"""Computes the key of a step with `cache`: the hash of all that decides its result. Pure.

Beside the key are its parts by readable names, so that the difference from an earlier step can be shown.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Final

from msgspec import Struct

from magnus.engine.files.objects import OBJECTS
from magnus.graph.nodes import TaskNode
from magnus.interfaces.task_kind import TaskInputs
from magnus.run_log.parameters import (
    JsonParameter,
    LargeParameter,
    ListParameter,
    MetricParameter,
    ObjectParameter,
    Parameter,
    Scope,
)
from magnus.run_log.records import BranchScope, CatalogRecord
from magnus.values import Json

_FORM: Final = 1
"""The form of keys; it changes when the same parts would give another key."""
_MOST_LEAVES: Final = 100
_MOST_PIECES: Final = 200
_LONGEST_TEXT: Final = 80
_DIGITS: Final = 16


class StepKey(Struct, frozen=True):
    """The key, in hex, and its parts by readable names; long values as short hashes."""

    key: str
    inputs: Mapping[str, str]


def used_parameters(node: TaskNode, inputs: TaskInputs, scope: BranchScope) -> Scope:
    """The parameters in scope that may change the result, also parameters that a lookup finds by another spelling."""
    ignored = frozenset(node.cache.ignore) if node.cache is not None else frozenset()
    if inputs.parameters is None:
        return {name: value for name, value in scope.parameters.items() if name not in ignored}
    names = {name.casefold() for name in inputs.parameters}
    return {
        name: value
        for name, value in scope.parameters.items()
        if (name in inputs.parameters or name.casefold() in names) and name not in ignored
    }


def step_key(
    node: TaskNode,
    inputs: TaskInputs,
    scope: BranchScope,
    got: Sequence[CatalogRecord],
    *,
    objects_code: Mapping[str, str],
    environment: str,
    data_folder: str,
) -> StepKey:
    """The key of a step.

    `got` are the files that it gets, `objects_code` is the code of the steps that may have made its objects,
    `environment` what else counts of where it runs, `data_folder` the folder of files where the step does not say.
    """
    parameters = used_parameters(node, inputs, scope)
    files = {entry.name: entry.data_hash for entry in got}
    if inputs.any_file:
        files |= {name: entry.data_hash for name, entry in scope.files.items() if name.startswith(OBJECTS)}
    definition = _definition(node)
    variables = scope.map_variables if inputs.parameters is None else {}
    exact = {
        "form": _FORM,
        **definition,
        "code": dict(inputs.code),
        "objects": dict(objects_code),
        "parameters": {name: _exact(value) for name, value in parameters.items()},
        "map variables": {name: _exact_element(value) for name, value in variables.items()},
        "files": files,
        "data folder": data_folder if node.catalog.get or node.catalog.put else "",
        "environment": environment,
    }
    parts = {name: _short(_text(value)) for name, value in definition.items() if value}
    parts |= {"environment": _short(environment)} if environment else {}
    parts |= {f"file {name}": digest[:_DIGITS] for name, digest in files.items() if not name.startswith(OBJECTS)}
    parts |= {"objects and their classes": _short(_text(exact["objects"]))} if objects_code else {}
    parts |= {"map variables": _short(_text(exact["map variables"]))} if variables else {}
    parts |= _code_parts(inputs.code)
    for name, parameter in parameters.items():
        parts |= dict(_shown(f"parameter {name}", parameter))
    return StepKey(_digest(_text(exact)), parts)


def _code_parts(code: Mapping[str, str]) -> dict[str, str]:
    """The pieces of the code; their hash where there are many."""
    if len(code) > _MOST_PIECES:
        return {"code": _digest(_text(dict(code)))[:_DIGITS]}
    return {f"code {name}": digest for name, digest in code.items()}


def _definition(node: TaskNode) -> dict[str, Json]:
    """The definition of the step as far as it changes the result: no names of steps, times and resources."""
    task, files = node.task, node.catalog
    return {
        "command": [task.kind, task.command],
        "options": dict(task.options),
        "returns": None
        if task.returns is None
        else [[*filter(None, (item.name, item.kind, item.format))] for item in task.returns],
        "catalog": [files.get, files.put, files.compute_data_folder, files.strict] if files.get or files.put else None,
        "secrets": sorted(node.secrets),
        "version": node.cache.version if node.cache is not None else "",
    }


def _exact(parameter: Parameter) -> Json:
    """The parameter for the key; the text of a command line counts where it is not that of the value."""
    match parameter:
        case JsonParameter(value=value, text=text):
            whole = _in_order(value)
            return ["json", whole] if text is None or text == _as_text(value) else ["json", whole, text]
        case MetricParameter(value=value):
            return ["json", _in_order(value)]
        case LargeParameter(data_hash=data_hash, is_text=is_text):
            return ["large", data_hash, is_text]
        case ObjectParameter(catalog_name=name, data_hash=data_hash):
            return ["object", PurePath(name).suffix, data_hash]  # the suffix says how the content is read
        case ListParameter(items=items):
            return ["list", *map(_exact, items)]


def _exact_element(value: Json | LargeParameter) -> Json:
    return _exact(value if isinstance(value, LargeParameter) else JsonParameter(value))


def _in_order(value: Json) -> Json:
    """The value for the key, in which the order of the keys of mappings counts: a program sees it."""
    return [*map(_in_order, value)] if isinstance(value, list) else _pairs(value) if isinstance(value, dict) else value


def _pairs(value: Mapping[str, Json]) -> Json:
    return {"mapping": [[key, _in_order(inner)] for key, inner in value.items()]}


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else _text(value)


def _shown(name: str, parameter: Parameter) -> Iterator[tuple[str, str]]:
    match parameter:
        case JsonParameter(value=value) | MetricParameter(value=value):
            yield from _leaves(name, value)
        case LargeParameter(data_hash=data_hash) | ObjectParameter(data_hash=data_hash):
            yield name, f"#{data_hash[:_DIGITS]}"
        case ListParameter():
            yield name, f"#{_digest(_text(_exact(parameter)))[:_DIGITS]}"


def _leaves(name: str, value: Json) -> Iterable[tuple[str, str]]:
    """The leaves of a nested value by their places in it; the whole as a hash where there are many."""
    leaves: list[tuple[str, str]] = []
    todo: list[tuple[str, Json]] = [(name, value)]
    while todo:
        place, inner = todo.pop()
        if len(leaves) + len(todo) > _MOST_LEAVES:
            return [(name, f"#{_digest(_text(value))[:_DIGITS]}")]
        match inner:
            case dict() if inner:
                todo += reversed([(f"{place}.{key}", each) for key, each in inner.items()])
            case list() if inner and len(inner) <= _MOST_LEAVES:
                todo += reversed([(f"{place}[{number}]", each) for number, each in enumerate(inner)])
            case _:
                leaves.append((place, _short(_text(inner))))
    return leaves


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"#{_digest(text)[:_DIGITS]}"


def _text(value: Json) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
