"""Reads the outlines of tasks and ends in a checked pipeline, without their other fields. Used by `recorded_compiler`."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct, ValidationError, convert, field

from magnus.definition.nodes import NODE_TYPES
from magnus.definition.nodes.contract import traits_of
from magnus.graph.nodes import TerminalNode
from magnus.graph.structure import TERMINAL_TYPES, Edges, Outline
from magnus.values import Json

_ENDS: Final = {word: succeeds for succeeds, word in TERMINAL_TYPES.items()}


class WrittenTask(Struct, frozen=True):
    """The fields of a task that its outline needs; the step may be of another type."""

    type: str = "task"
    next: str = ""
    on_failure: str | None = None
    command: str = ""
    written_secrets: str | tuple[str, ...] = field(default=(), name="secrets")

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of its secrets; one may be written as text."""
        return (self.written_secrets,) if isinstance(self.written_secrets, str) else self.written_secrets

    @property
    def edges(self) -> Edges:
        """The edges to the steps that follow."""
        if self.on_failure is None:
            return (("next", self.next),)
        return (("next", self.next), ("on_failure", self.on_failure))

    @property
    def outcome(self) -> None:
        """None: it is no terminal."""


def outlines(steps: Mapping[str, Json]) -> dict[str, Outline]:
    """The outlines of the tasks and the ends among the steps, by name.

    Steps with pipelines, and steps of other packages, need more fields than that.
    """
    written = _written_tasks(steps)
    words = {step.type for step in written.values()}
    tasks = {word for word in words if word in NODE_TYPES and traits_of(NODE_TYPES[word]).outlined}
    return {
        name: step if step.type in tasks else TerminalNode(name, _ENDS[step.type])
        for name, step in written.items()
        if step.type in tasks or step.type in _ENDS
    }


def _written_tasks(steps: Mapping[str, Json]) -> Mapping[str, WrittenTask]:
    try:
        return convert(steps, dict[str, WrittenTask])
    except ValidationError:  # a step has a pipeline under `on_failure`, or fields of its own
        pass
    written: dict[str, WrittenTask] = {}
    for name, fields in steps.items():
        try:
            written[name] = convert(fields, WrittenTask)
        except ValidationError:
            continue
    return written
