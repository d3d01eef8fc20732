"""How one kind of task (python, shell, ...) is run. The engine does everything around it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from msgspec import Struct, field

from magnus.errors import Problem
from magnus.graph.nodes import TaskSpec
from magnus.interfaces.objects import Objects
from magnus.run_log.metrics import Metric
from magnus.run_log.parameters import ObjectParameter, Parameter, Scope
from magnus.run_log.records import CatalogRecord
from magnus.values import Json

if TYPE_CHECKING:
    from magnus.graph.facts import Description  # lazy: a run needs none of it

__all__ = ["KEPT", "Describes", "HasCode", "HasSource", "TaskCall", "TaskKind", "TaskOutcome", "command_is_code"]

KEPT: Final = "kept"
"""The folder in the private folder of a call whose files go to the catalog."""


class TaskCall(Struct, frozen=True):
    """One call of a task.

    Attributes:
        spec: what to run.
        parameters: everything in scope.
        environment: the complete environment of the step; a child process gets it as it is, or added to.
        working_directory: absolute; a fresh copy of the project where steps are isolated.
        timeout: seconds, or None. Only a kind that isolates sees one.
        objects: keeps and loads objects; None where there is no catalog to keep them.
        folder: private to the call and gone when the step has ended; the kind makes it when it needs one. The files
            in `KEPT` below it go to the catalog when the step ends, failed or not, under the names they have there.
            None where nobody keeps anything.
        project: the folder of the project, where the working directory is a copy of it.
        mask: takes the values of secrets known by now out of a text, also of JSON, that the kind is to write to a
            file. Only a kind that isolates sees it.
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
    """What came of a call.

    Attributes:
        handed: what the task was handed, by name, for the run log.
        parameters: what it set; the engine drops them when it failed.
        metrics: what it tracked.
        failure: why it failed, "" when it did not; one clear sentence, then detail on further lines.
        exported: `MAGNUS_PRM_*` and `MAGNUS_TRACK_*` variables that it set, new or changed, with their values.
        warnings: what the user should know of a task that succeeded, each in one sentence.
        entries: catalog entries of objects that it kept.
        loaded: the objects that were loaded for it.
    """

    handed: Mapping[str, Json] = field(default_factory=dict)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    failure: str = ""
    exported: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    entries: Sequence[CatalogRecord] = ()
    loaded: Sequence[ObjectParameter] = ()


@runtime_checkable
class HasSource(Protocol):
    """A task kind whose tasks have their code in a file."""

    def source_file(self, spec: TaskSpec, working_directory: Path) -> Path | None:
        """The file that the code of the task is in; None when it is not known. Nothing is imported or run."""
        ...


@runtime_checkable
class HasCode(Protocol):
    """A task kind that can tell which pieces of code tasks are made of, so that runs can be compared."""

    def code(self, specs: Sequence[TaskSpec], working_directory: Path) -> Sequence[Mapping[str, str]]:
        """For each task the pieces, by the names people know them by, each with a short hash.

        Nothing is imported or run, and what cannot be read is left out.
        """
        ...


@runtime_checkable
class Describes(Protocol):
    """A task kind that can tell what a task needs and sets before it runs. Called by `magnus check`, never by a run."""

    def describe(self, spec: TaskSpec, working_directory: Path, *, imports: bool) -> "Description":
        """What is known of the task. With `imports` modules of the user may be imported; nothing else is run.

        What cannot be told is unknown: it is never guessed.
        """
        ...


def command_is_code(kind: "TaskKind") -> bool:
    """Whether commands of the kind are code rather than names of code; a class says so by an attribute of this name."""
    return getattr(kind, "command_is_code", False) is True


class TaskKind(Protocol):
    """Runs tasks of one kind. Holds no state: it is made once, used for every step, and pickled by its class."""

    @property
    def options(self) -> type[Any]:
        """The fields of a step that only this kind has, with their defaults; it refuses unknown ones.

        A frozen `msgspec.Struct`, or a pydantic model.
        """
        ...

    isolates: bool
    """Whether `run` does the work in a child process of its own, kills it on a timeout and on an interruption.

    The engine runs every other kind in a child process when the step has a timeout.
    """

    def problems(self, spec: TaskSpec, working_directory: Path) -> Sequence[Problem]:
        """What can be seen to be wrong without running, importing or writing anything; location and step are added."""
        ...

    def run(self, call: TaskCall) -> TaskOutcome:
        """Run the task; standard output and standard error are captured by the engine.

        Failures of the task, of its arguments and of its results are an outcome with `failure`, or TaskFailed where
        nothing was handed to it. KeyboardInterrupt and its kind pass through.
        """
        ...
