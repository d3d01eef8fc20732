"""Writes a pipeline down for an engine that walks the graph itself."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct, field

from magnus.errors import Problem
from magnus.graph.graph import Graph
from magnus.interfaces.capabilities import ExecutorCapabilities
from magnus.values import Json


class Handover(Struct, frozen=True):
    """What is written down: a pipeline, and what each process of the engine will be told.

    `definition_file`, `configuration_file` and `parameters_file` are relative to the working directory of the processes.
    `parameters` are the initial ones; those in the parameters file alone are not among them.
    """

    graph: Graph
    definition_file: str
    configuration_file: str = ""
    parameters_file: str = ""
    tag: str = ""
    log_level: str = ""
    parameters: Mapping[str, Json] = field(default_factory=dict)


class Transpiled(Struct, frozen=True):
    """Files by name, relative to the working directory, and what to do with them, as a command line."""

    files: Mapping[str, str]
    next_command: Sequence[str]

    def lines(self) -> list[str]:
        """What was written and what to do next, as people read it."""
        return [*(f"written: {file}" for file in self.files), f"run it with: {shlex.join(self.next_command)}"]


class Transpiler(Protocol):
    """Pure: the same handover and options give the same bytes.

    Made with its options. The class has `options`, the type of its options, and `capabilities`, as executors have.
    """

    @property
    def capabilities(self) -> ExecutorCapabilities:
        """How far the engine spreads steps."""
        ...

    def problems(self, handover: Handover) -> Sequence[Problem]:
        """What of the pipeline the engine cannot take, or takes badly; without errors `transpile` succeeds."""
        ...

    def transpile(self, handover: Handover) -> Transpiled:
        """The files; InvalidDefinition with the errors among the problems."""
        ...
