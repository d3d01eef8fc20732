"""The steps of a pipeline as objects, one class a node type, with the fields that YAML has for it.

An object keeps what is written; whether it is right is said when the pipeline is compiled, as for a file.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar, Final, Self, TypeAlias, TypedDict, TypeVar, Unpack

from magnus.definition.nodes.task import Catalog, ReturnItem
from magnus.errors import InvalidDefinition
from magnus.sdk import places
from magnus.sdk.arguments import PATH, TEXT, TRUTH, Kind, check, path_as_text
from magnus.values import Json, UserObject

if TYPE_CHECKING:
    from magnus.sdk.pipeline import Pipeline

StepT = TypeVar("StepT", bound="Step")
Returns: TypeAlias = Sequence[str | ReturnItem] | None
Function: TypeAlias = Callable[..., UserObject]


def pickled(name: str) -> ReturnItem:
    """A result that is kept as an object, by the pickler, and handed to later python steps as the object."""
    return ReturnItem(name, "object")


def metric(name: str) -> ReturnItem:
    """A result that is a parameter and is tracked too."""
    return ReturnItem(name, "metric")


def json(name: str) -> ReturnItem:
    """A result that is a JSON value, as one is that is given by its name alone."""
    return ReturnItem(name, "json")


class Links(TypedDict, total=False):
    """Where a step leads to; see `Step`."""

    next: "Step | str | None"
    on_failure: "Step | str | Pipeline | None"
    terminate_with_success: bool
    terminate_with_failure: bool
    overrides: Mapping[str, str] | None
    description: str | None


class TaskFields(Links, total=False):
    """What every task may say, whatever its command type; as in YAML."""

    catalog: Catalog | None
    returns: Returns
    secrets: Sequence[str] | str | None
    max_attempts: int | None
    retry: int | None
    retry_delay: float | str | None
    timeout: float | str | None


class TaskOptions(TaskFields, total=False):
    """What some command types know beside that."""

    strict: bool
    notebook_output_path: str | None
    output_cell_tag: str | None
    optional_ploomber_args: Mapping[str, Json] | None


class Step:
    """A step of a pipeline, with where it leads to.

    `a >> b` and `b << a` say that `b` follows `a`, as `b.depends_on(a)` does.

    Args:
        name: free text without `.` and `%`.
        next: the step that follows, or its name.
        on_failure: the step to go on with when this one fails, or its name; or a pipeline to run then.
        terminate_with_success: the pipeline succeeds after this step.
        terminate_with_failure: the pipeline fails after this step.
    """

    type: ClassVar[str]
    is_end: ClassVar[bool] = False

    def __init__(
        self,
        name: str,
        *,
        next: "Step | str | None" = None,  # noqa: A002 - the word that YAML has
        on_failure: "Step | str | Pipeline | None" = None,
        terminate_with_success: bool = False,
        terminate_with_failure: bool = False,
        **fields: UserObject,
    ) -> None:
        check(TEXT, name=name)
        check(_STEP, step=name, next=next)
        check(_STEP_OR_PIPELINE, step=name, on_failure=on_failure)
        check(
            TRUTH,
            step=name,
            terminate_with_success=terminate_with_success,
            terminate_with_failure=terminate_with_failure,
        )
        self.name = name
        self.next = next
        self.on_failure = on_failure
        self.location = places.here()
        self.fields: dict[str, UserObject] = {key: value for key, value in fields.items() if value is not None}
        if terminate_with_success and terminate_with_failure:
            raise self._wrong("both terminate_with_success and terminate_with_failure are set", "keep one of them")
        self.ends_with: bool | None = True if terminate_with_success else False if terminate_with_failure else None

    def __rshift__(self, other: StepT) -> StepT:
        """`self >> other`: the other follows this one; gives the other."""
        if not isinstance(other, Step):
            fix = "link one step, and put those that are to run at the same time into a Parallel"
            raise self._wrong(f"a step leads to a step, not to a value of type {type(other).__name__}", fix)
        self._lead_to(other)
        return other

    def __lshift__(self, other: StepT) -> StepT:
        """`self << other`: this one follows the other; gives the other."""
        if not isinstance(other, Step):
            raise self._wrong(f"a step follows a step, not a value of type {type(other).__name__}", "name one step")
        _ = other >> self
        return other

    def depends_on(self, other: "Step") -> Self:
        """This step follows the other; gives this step."""
        _ = self << other
        return self

    def as_pipeline(self) -> "Pipeline":
        """A pipeline of this step alone, without what it is linked to elsewhere."""
        from magnus.sdk.pipeline import Pipeline  # lazy: pipelines are made of steps

        alone = copy(self)
        ends = {"success": True, "fail": False}
        if isinstance(self.next, Success | Fail):
            alone.ends_with = isinstance(self.next, Success)
        elif isinstance(self.next, str):
            alone.ends_with = ends.get(self.next, self.ends_with)
        alone.next = None
        if isinstance(self.on_failure, Step | str) and name_of(self.on_failure) not in ends:
            alone.on_failure = None
        return Pipeline([alone])

    def _lead_to(self, other: "Step") -> None:
        if self.next is not None and name_of(self.next) != other.name:
            fix = "link each step to one other; those that are to run at the same time belong into a Parallel"
            raise self._wrong(f"it leads to '{name_of(self.next)}' and to '{other.name}'", fix)
        if self.ends_with is not None:
            word = "success" if self.ends_with else "failure"
            raise self._wrong(f"it leads to '{other.name}' and has terminate_with_{word}", "keep one of them")
        self.next = other

    def _wrong(self, message: str, fix: str) -> InvalidDefinition:
        return InvalidDefinition(message, fix=fix, location=places.here(), step=self.name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} '{self.name}'>"


class Task(Step):
    """One unit of work: a command of a command type, `python` unless another is named; the command may be the function."""

    type = "task"

    def __init__(
        self, name: str, command: str | Function, command_type: str = "python", **more: Unpack[TaskOptions]
    ) -> None:
        check(TEXT, command_type=command_type)
        kind = {} if command_type == "python" else {"command_type": command_type}
        super().__init__(name, command=command, **kind, **more)


class PythonTask(Task):
    """A call of a function; named after it unless it gets a name."""

    def __init__(self, function: str | Function, name: str = "", **more: Unpack[TaskFields]) -> None:
        check(_FUNCTION, function=function)
        check(TEXT, name=name)
        inner = getattr(function, "func", function)  # of a partial
        own = function if isinstance(function, str) else getattr(inner, "__name__", type(inner).__name__)
        super().__init__(name or own.rpartition(".")[2], function, **more)


class ShellTask(Task):
    """A command for the shell; `strict` adds `set -euo pipefail`."""

    def __init__(self, name: str, command: str, *, strict: bool = False, **more: Unpack[TaskFields]) -> None:
        check(TRUTH, strict=strict)
        if strict:
            super().__init__(name, command, "shell", strict=True, **more)
        else:
            super().__init__(name, command, "shell", **more)


class NotebookTask(Task):
    """A notebook, run with the parameters as variables; named after its file unless it gets a name.

    `notebook_output_path` is where the executed one goes, beside it unless given. The cells tagged `output_cell_tag`
    print a dict of results. `optional_ploomber_args` are arguments for what runs notebooks.
    """

    def __init__(
        self,
        notebook: str | PurePath,
        name: str = "",
        *,
        notebook_output_path: str | PurePath | None = None,
        output_cell_tag: str | None = None,
        optional_ploomber_args: Mapping[str, Json] | None = None,
        **more: Unpack[TaskFields],
    ) -> None:
        check(PATH, notebook=notebook)
        check(TEXT, name=name)
        super().__init__(
            name or PurePath(notebook).stem,
            os.fspath(notebook),
            "notebook",
            notebook_output_path=path_as_text(notebook_output_path),
            output_cell_tag=output_cell_tag,
            optional_ploomber_args=optional_ploomber_args,
            **more,
        )


class Stub(Step):
    """A place for a step that is not there yet; keeps whatever else is given."""

    type = "stub"


class Parallel(Step):
    """Several pipelines by name, all of which run; it succeeds when all of them do."""

    type = "parallel"

    def __init__(self, name: str, branches: Mapping[str, "Pipeline"], **more: Unpack[Links]) -> None:
        super().__init__(name, branches=branches, **more)


class Map(Step):
    """A pipeline for each element of the parameter `iterate_on`, which it sees as `iterate_as`.

    `reducer`, a lambda as text, the dotted path of a function or the function, makes one value of those of all branches.
    """

    type = "map"

    def __init__(
        self,
        name: str,
        branch: "Pipeline",
        iterate_on: str,
        iterate_as: str,
        *,
        reducer: str | Function | None = None,
        **more: Unpack[Links],
    ) -> None:
        super().__init__(name, iterate_on=iterate_on, iterate_as=iterate_as, reducer=reducer, branch=branch, **more)


class Dag(Step):
    """A pipeline inside the pipeline: `dag`, or the file `dag_definition` beside this program."""

    type = "dag"

    def __init__(
        self,
        name: str,
        dag: "Pipeline | None" = None,
        *,
        dag_definition: str | PurePath | None = None,
        **more: Unpack[Links],
    ) -> None:
        super().__init__(name, dag=dag, dag_definition=path_as_text(dag_definition), **more)


class Conditional(Step):
    """The one of the pipelines whose key equals the parameter; `default` when none does."""

    type = "conditional"

    def __init__(
        self,
        name: str,
        parameter: str,
        branches: Mapping[Json, "Pipeline"],
        *,
        default: "Pipeline | None" = None,
        **more: Unpack[Links],
    ) -> None:
        super().__init__(name, parameter=parameter, branches=branches, default=default, **more)


class Loop(Step):
    """A pipeline again and again, until the boolean parameter `break_on` says so, at most `max_iterations` times."""

    type = "loop"

    def __init__(
        self,
        name: str,
        branch: "Pipeline",
        max_iterations: int,
        *,
        break_on: str | None = None,
        index_as: str | None = None,
        **more: Unpack[Links],
    ) -> None:
        super().__init__(
            name, branch=branch, max_iterations=max_iterations, break_on=break_on, index_as=index_as, **more
        )


class Success(Step):
    """The end of a pipeline that succeeded."""

    type = "success"
    is_end = True

    def __init__(self, name: str = "success", *, description: str | None = None) -> None:
        super().__init__(name, description=description)


class Fail(Step):
    """The end of a pipeline that failed."""

    type = "fail"
    is_end = True

    def __init__(self, name: str = "fail", *, description: str | None = None) -> None:
        super().__init__(name, description=description)


_STEP: Final = Kind((Step, str, type(None)), "a step or the name of one")
_STEP_OR_PIPELINE: Final = Kind(_STEP.types, "a step, the name of one, or a pipeline", or_pipeline=True)
_FUNCTION: Final = Kind((str, Callable), "a function or the dotted path of one")  # type: ignore[arg-type]  # isinstance knows it


def name_of(step: "Step | str") -> str:
    """The name of a step that is given as itself or by its name."""
    return step.name if isinstance(step, Step) else step
