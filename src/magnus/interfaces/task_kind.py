"""The contract of a task kind (python, shell, ...): it runs a task, and the engine does everything around it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from msgspec import Struct, field

from magnus.errors import Problem
from magnus.graph.nodes import TaskSpec
from magnus.interfaces.objects import Objects
from magnus.run_log.parameters import Metric, ObjectParameter, Parameter, Scope
from magnus.run_log.records import CatalogRecord
from magnus.values import Json

if TYPE_CHECKING:
    from magnus.graph.dataflow.facts import Description  # lazy: a run needs none of it

__all__ = [
    "KEPT",
    "CodeHashes",
    "KnowsInputs",
    "OpensInEditor",
    "SourceFile",
    "StaticAnalysis",
    "TaskCall",
    "TaskInputs",
    "TaskKind",
    "TaskOutcome",
    "command_is_code",
]

KEPT: Final = "kept"
"""The folder in the private folder of a call; its files go to the catalog."""


class TaskCall(Struct, frozen=True):
    """One call of a task.

    Attributes:
        spec: the task to run.
        parameters: all parameters in scope.
        environment: the complete environment of the step; a child process gets it as it is, or added to.
        working_directory: absolute; a fresh copy of the project where steps are isolated.
        timeout: seconds, or None. Only a kind that isolates sees one.
        objects: stores and loads objects; None where there is no catalog.
        folder: private to the call; the kind creates it if it needs one, and the engine removes it after the step. The
            engine puts the files in `KEPT` below it into the catalog, under their names there, also if the step fails.
            None where no step stores files.
        project: the folder of the project, if the working directory is a copy of it.
        mask: masks the secrets registered by now in a text or JSON that the kind writes to a file. Only a kind that
            isolates sees it.
    """

    spec: TaskSpec
    parameters: Scope
    environment: Mapping[str, str]
    working_directory: Path
    timeout: float | None = None
    objects: Objects | None = None
    folder: Path | None = None
    mask: Callable[[str], str] = str
    project: Path | None = None

    @property
    def code_directory(self) -> Path:
        """Where code of the project is found, and the first entry of the import path: `project`, if that is given."""
        return self.project or self.working_directory


class TaskOutcome(Struct, frozen=True):
    """The result of a call.

    Attributes:
        arguments: the arguments of the task, by name, for the run log.
        parameters: the parameters it set; the engine drops them if the task failed.
        metrics: the metrics it tracked.
        failure: the reason of a failure, "" for a success; one clear sentence, then details on further lines.
        exported: the `MAGNUS_PRM_*` and `MAGNUS_TRACK_*` variables that it set or changed, with their values.
        warnings: warnings about a task that succeeded, each in one sentence.
        entries: catalog entries of the objects that it stored.
        loaded: the objects that were loaded for it.
    """

    arguments: Mapping[str, Json] = field(default_factory=dict)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    failure: str = ""
    exported: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    entries: Sequence[CatalogRecord] = ()
    loaded: Sequence[ObjectParameter] = ()


@runtime_checkable
class SourceFile(Protocol):
    """A task kind whose tasks have their code in a file."""

    def source_file(self, spec: TaskSpec, working_directory: Path) -> Path | None:
        """The file that holds the code of the task, or None. Nothing is imported or run."""
        ...


@runtime_checkable
class CodeHashes(Protocol):
    """A task kind that hashes the pieces of code tasks consist of, so that runs can be compared."""

    def code(self, specs: Sequence[TaskSpec], working_directory: Path) -> Sequence[Mapping[str, str]]:
        """For each task its pieces by readable names, each with a short hash.

        Nothing is imported or run. Code that cannot be read is left out.
        """
        ...


class TaskInputs(Struct, frozen=True):
    """What decides the result of a task, beside its own text, its options and the files that its step gets.

    Attributes:
        code: the pieces of code that it reaches, as `CodeHashes` gives them.
        statuses: the files with that code, absolute, each with its status before it was read; () for one that is not there.
        parameters: the names of the parameters that it may use; None if it may use any.
        any_file: whether it may ask the catalog for any file or object, also one that its step does not get.
        problem: why its results cannot be used again; "" if they can.
    """

    code: Mapping[str, str]
    statuses: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    parameters: frozenset[str] | None = None
    any_file: bool = False
    problem: str = ""


@runtime_checkable
class OpensInEditor(Protocol):
    """A task kind whose tasks are files that people open in a program of their own, such as notebooks."""

    def write_parameters(self, call: TaskCall) -> Path:
        """Write the parameters of the call into the file in its working directory; returns the path of the file."""
        ...


@runtime_checkable
class KnowsInputs(Protocol):
    """A task kind whose results can be used again as long as their inputs are the same. Without it, tasks always run."""

    def inputs(self, specs: Sequence[TaskSpec], working_directory: Path) -> Sequence[TaskInputs]:
        """The inputs of each task. Nothing is imported or run; in doubt more counts as an input than less."""
        ...


@runtime_checkable
class StaticAnalysis(Protocol):
    """A task kind that tells before a run what a task needs and sets. Called by `magnus check`, never by a run."""

    def describe(self, spec: TaskSpec, working_directory: Path, *, imports: bool) -> "Description":
        """The needs and effects of the task. With `imports`, modules of the user may be imported; nothing else runs.

        The kind never guesses: a description may leave open what the source does not tell.
        """
        ...


def command_is_code(kind: "TaskKind") -> bool:
    """Whether commands of the kind are code rather than names of code; a class says so by an attribute of this name."""
    return getattr(kind, "command_is_code", False) is True


class TaskKind(Protocol):
    """Runs tasks of one kind. It holds no state: one object serves every step, and pickles by its class."""

    @property
    def options(self) -> type[Any]:
        """The fields that only steps of this kind have, with their defaults; it refuses unknown fields.

        A frozen `msgspec.Struct`, or a pydantic model.
        """
        ...

    isolates: bool
    """Whether `run` works in a child process of its own, and kills it on a timeout and on an interruption.

    The engine runs every other kind in a child process when the step has a timeout.
    """

    def problems(self, spec: TaskSpec, working_directory: Path) -> Sequence[Problem]:
        """The mistakes in the task, found without running, importing or writing anything; the caller adds location and step."""
        ...

    def run(self, call: TaskCall) -> TaskOutcome:
        """Run the task; standard output and standard error are captured by the engine.

        If the task, its arguments or its results fail, return an outcome with `failure`; raise TaskFailed if the task
        was not called. KeyboardInterrupt and its kind pass through.
        """
        ...
