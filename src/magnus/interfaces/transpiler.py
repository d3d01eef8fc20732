"""Writes a pipeline down for an engine that walks the graph itself."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct, field

from magnus.errors import Location, Problem
from magnus.graph.nodes import CompositeNode, Graph, Node, TaskNode
from magnus.graph.path import StepPath
from magnus.interfaces.capabilities import ExecutorCapabilities
from magnus.values import Json

__all__ = [
    "ExplainsFailures",
    "FailureReasons",
    "NextCommand",
    "TranspileRequest",
    "TranspileResult",
    "Transpiler",
]


def _nowhere(*_keys: object) -> Location | None:
    return None


class TranspileRequest(Struct, frozen=True):
    """A pipeline to transpile, and the options of the processes that will run it.

    `definition_file`, `configuration_file` and `parameters_file` are relative to the working directory of the processes.
    `parameters` are the initial parameters; from the parameters file it has simple values alone. `lengths` has the lengths
    of all initial lists. `executor` is the type under `executor:` of the configuration, by which steps name overrides.
    `variables` are the environment variables that pipeline and configuration use, `stores` the options of `run_log_store`
    and `catalog` as they are written; these may have credentials. `run_id` and `original_run_id` are the
    ids that the user chose, or "". `locate_option` returns the line of an option of the executor, by its keys, and
    `locate_step` the line of a field of a step.
    """

    graph: Graph
    definition_file: str
    configuration_file: str = ""
    parameters_file: str = ""
    tag: str = ""
    log_level: str = ""
    run_id: str = ""
    original_run_id: str = ""
    parameters: Mapping[str, Json] = field(default_factory=dict)
    lengths: Mapping[str, int] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    stores: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    executor: str = ""
    locate_option: Callable[..., Location | None] = _nowhere
    locate_step: Callable[[Node, str], Location | None] = _nowhere

    def override(self, node: Node, around: str = "") -> str:
        """The name of the override of the step; `around`, that of the nearest step around it, if the step has none."""
        return node.overrides.get(self.executor, around) if isinstance(node, TaskNode | CompositeNode) else around

    def reentry_options(self) -> list[str]:
        """The options that every re-entry command has: where pipeline, configuration and parameters are, and the tag."""
        options = {
            "--log-level": self.log_level,
            "--file": self.definition_file,
            "--config-file": self.configuration_file,
            "--parameters-file": self.parameters_file,
            "--tag": self.tag,
        }
        return [text for option, value in options.items() if value for text in (option, value)]


class NextCommand(Struct, frozen=True):
    """A command line, and what it does, as in `run it with`."""

    purpose: str
    argv: Sequence[str]


class TranspileResult(Struct, frozen=True):
    """Files by name, relative to the working directory, and what to do with them; `notes` is what a run will take."""

    files: Mapping[str, str]
    next_commands: Sequence[NextCommand]
    notes: Sequence[str] = ()

    def lines(self) -> list[str]:
        """What was written and what to do next, as people read it."""
        import shlex  # lazy: a run that magnus walks needs none of it

        commands = (f"{command.purpose}: {shlex.join(command.argv)}" for command in self.next_commands)
        return [*(f"written: {file}" for file in self.files), *self.notes, *commands]


class Transpiler(Protocol):
    """Pure: the same request and options give the same bytes.

    A family of its own: entry points are in the group `magnus.transpiler`, and `executor:` of a configuration names the
    type. Made with its options. The class has `options`, the type of its options, and `capabilities`: how the engine
    spreads steps, as a value, or as a function of the options that gives one.
    """

    @property
    def capabilities(self) -> ExecutorCapabilities | Callable[..., ExecutorCapabilities]:
        """How the engine spreads steps."""
        ...

    def problems(self, request: TranspileRequest) -> Sequence[Problem]:
        """What of the pipeline the engine cannot take, or takes badly; without errors `transpile` succeeds."""
        ...

    def transpile(self, request: TranspileRequest) -> TranspileResult:
        """The files; InvalidDefinition with the errors among the problems."""
        ...


class FailureReasons(Struct, frozen=True):
    """The reasons that an engine reports for the failure of a run.

    Attributes:
        messages: the causes, each once, in the order of the report.
        steps: the message about each step that has one.
        advice: what the user has to change, or "".
        is_stop: whether a user stopped the run.
    """

    messages: Sequence[str] = ()
    steps: Mapping[StepPath, str] = field(default_factory=dict)
    advice: str = ""
    is_stop: bool = False


@runtime_checkable
class ExplainsFailures(Protocol):
    """A transpiler that reads the failures its engine reports. The command `end_run` shows the text of other engines as it is."""

    def explain_failures(self, status: str, failures: str, steps: Sequence[StepPath]) -> FailureReasons:
        """The reasons in the values of `Input.STATUS` and `Input.FAILURES`, with those about `steps`.

        Pure. A text that is cut, or in another form, raises no error: it has fewer reasons, or none.
        """
        ...
