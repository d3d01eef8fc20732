"""Writes a pipeline of objects as the document of a YAML file, with the line of each step in the program."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import asdict

from magnus.definition.built_pipeline import METHOD, PipelineObject
from magnus.definition.yaml_text import Document, KeyPath
from magnus.errors import Location, Problem
from magnus.sdk.arguments import can_be_written
from magnus.sdk.links import Function, LinkedStep, name_of
from magnus.tasks.functions.commands import command_of, local_name
from magnus.values import Json, UserObject

_NO_CHARACTER: Final = "'{}' holds what is no character"
_PIPELINE: Final = "make a pipeline of it: Pipeline([step])"
_TEXT: Final = "give text that can be written to a file"
_MAY_BE_FUNCTIONS: Final = ("command", "reducer")


class PipelineFields(Protocol):
    """The fields of a pipeline object that its document holds."""

    location: Location
    steps: Sequence[LinkedStep]
    start_at: LinkedStep | str | None
    name: str
    description: str
    cache: bool | Mapping[str, Json] | None


class DocumentWriter:
    """Writes one pipeline with all its parts; keeps the line of each part, and the functions that have no command."""

    def __init__(self, working_directory: Path) -> None:
        self._working_directory = working_directory
        self.places: dict[KeyPath, Location] = {}
        self.functions: dict[str, Function] = {}
        self.inner: list[PipelineObject] = []
        self.wrong: list[tuple[KeyPath, Problem]] = []
        self._commands: dict[int, str] = {}
        self._open: list[int] = []

    def document(self, pipeline: PipelineFields) -> Document:
        """The pipeline, as if it were in a file; what no file can say is left out, and `wrong` says it."""
        value = {"dag": self.pipeline(pipeline, ("dag",))}
        self.places[()] = pipeline.location
        return Document(pipeline.location.file, value, {}, self.places)

    def pipeline(self, pipeline: PipelineFields, path: KeyPath) -> Json:
        """A (sub)pipeline at the path."""
        self.places[path] = pipeline.location
        self.wrong += [((*path, "steps", problem.step), problem) for problem in _duplicate_names(pipeline)]
        about = {"name": pipeline.name, "description": pipeline.description}
        ends = {
            outcome: next((step.name for step in pipeline.steps if step.outcome is outcome), word)
            for outcome, word in ((True, "success"), (False, "fail"))
        }
        are_linked = any(step.next is not None for step in pipeline.steps)
        steps = {
            step.name: self._step(step, ends, (*path, "steps", step.name), are_linked=are_linked)
            for step in pipeline.steps
        }
        first = {} if pipeline.start_at is None else {"start_at": name_of(pipeline.start_at)}
        cache = {} if pipeline.cache is None else {"cache": _plain(pipeline.cache)}
        return {**{key: text for key, text in about.items() if text}, **cache, **first, "steps": steps}

    def _step(self, step: LinkedStep, ends: Mapping[bool, str], path: KeyPath, *, are_linked: bool) -> Json:
        """A step. As soon as one step is linked to another all of them have to be; else their order is meant."""
        self.places[path] = step.location
        fields = {"type": step.type}
        fields |= {key: self._field(key, value, (*path, key), step) for key, value in step.fields.items()}
        if step.next is not None:
            fields["next"] = self._field("next", name_of(step.next), (*path, "next"), step)
        elif step.ends_with is not None:
            fields["next"] = ends[step.ends_with]
        elif step.outcome is None and are_linked:
            fix = "link it, as the others are: step >> other; or set terminate_with_success=True"
            problem = Problem("nothing says what follows this step", fix, step.location, step.name)
            self.wrong.append(((*path, "next"), problem))
            fields["next"] = ""
        if step.on_failure is not None:
            leads_to = name_of(step.on_failure) if isinstance(step.on_failure, LinkedStep) else step.on_failure
            fields["on_failure"] = self._field("on_failure", leads_to, (*path, "on_failure"), step)
        return fields

    def _field(self, key: str, value: UserObject, path: KeyPath, step: LinkedStep) -> Json:
        """The content of a field of the step, or of a part of it."""
        if id(value) in self._open:
            return self._refuse(f"'{key}' contains itself", "leave it out there", step, path)
        self._open.append(id(value))
        try:
            return self._written(key, value, path, step)
        finally:
            self._open.pop()

    def _written(self, key: str, value: UserObject, path: KeyPath, step: LinkedStep) -> Json:
        if hasattr(type(value), METHOD):
            self.inner.append(value)
            return self.pipeline(value, path)
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return value if can_be_written(value) else self._refuse(_NO_CHARACTER.format(key), _TEXT, step, path)
            case Struct():
                return self._field(key, _set_fields(value), path, step)
            case Mapping():
                keys = [(_key(name), name) for name in value]
                wrong = next((name for text, name in keys if text is None), None)
                if wrong is not None:
                    return self._refuse(f"'{key}' has a key of type {type(wrong).__name__}", "write text", step, path)
                return {text: self._field(key, value[name], (*path, text), step) for text, name in keys if text}
            case list() | tuple():
                return [self._field(key, item, (*path, index), step) for index, item in enumerate(value)]
            case _ if callable(value) and (key in _MAY_BE_FUNCTIONS or step.accepts_any_field):
                return self._command(value)
            case PurePath():
                return str(value)
            case _:
                fix = _PIPELINE if isinstance(value, LinkedStep) else "give text, a number, a list or a mapping"
                return self._refuse(f"'{key}' cannot be a value of type {type(value).__name__}", fix, step, path)

    def _refuse(self, message: str, fix: str, step: LinkedStep, path: KeyPath) -> None:
        self.wrong.append((path, Problem(message, fix, step.location, step.name)))

    def _command(self, function: Function) -> str:
        """The command of the function, or what stands for it in this process."""
        command = command_of(function, self._working_directory) or self._commands.get(id(function))
        if command is None:
            command = local_name(function, self.functions)
            self.functions[command] = function
            self._commands[id(function)] = command
        return command


def _duplicate_names(pipeline: PipelineFields) -> Iterator[Problem]:
    seen: dict[str, LinkedStep] = {}
    for step in pipeline.steps:
        if step.name in seen:
            message = f"there are two steps of this name, the other one at {seen[step.name].location}"
            yield Problem(message, "give one of them another name", step.location, step.name)
        seen[step.name] = step


def _set_fields(value: Struct) -> Json:
    """The fields of a model that differ from their defaults."""
    defaults = zip(value.__struct_fields__[::-1], value.__struct_defaults__[::-1], strict=False)
    by_default = dict(defaults)
    return {
        name: list(item) if isinstance(item, tuple) else item
        for name, item in asdict(value).items()
        if name not in by_default or type(item) is not type(by_default[name]) or item != by_default[name]
    }


def _plain(cache: bool | Mapping[str, Json]) -> Json:  # noqa: FBT001 - a field as users write it
    return cache if isinstance(cache, bool) else {name: _as_list(value) for name, value in cache.items()}


def _as_list(value: Json) -> Json:
    return list(value) if isinstance(value, tuple) else value


def _key(name: UserObject) -> str | None:
    """A key as YAML has it: the value of a parameter is written as JSON; None where it is no such value."""
    if isinstance(name, str):
        return name if can_be_written(name) else None
    return json.dumps(name) if name is None or isinstance(name, bool | int | float) else None
