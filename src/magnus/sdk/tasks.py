"""Tasks as objects, one class a command type, the kinds of results they return, and jobs, which run one task alone."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypedDict, Unpack

from magnus.definition.nodes.task import Catalog, ReturnItem, name_by_command
from magnus.errors import InvalidConfiguration, InvalidDefinition
from magnus.sdk import arguments
from magnus.sdk.arguments import PATH, TEXT, TRUTH, Kind, check, path_as_text
from magnus.sdk.links import Function, Links
from magnus.sdk.steps import Step
from magnus.values import Json, UserObject

if TYPE_CHECKING:
    from magnus.app.inspect.run_object import Run


Returns: TypeAlias = Sequence[str | ReturnItem | Mapping[str, str]] | Mapping[str, str] | None
"""Names of results, in order, with their kinds as in YAML: `["rows", pickled("model", "joblib"), {"table": "object:parquet"}]`,
or `{"rows": "json", "table": "object:parquet"}`."""

_FUNCTION: Final = Kind((str, Callable), "a function or the dotted path of one")  # type: ignore[arg-type]  # isinstance knows it


def pickled(name: str, format: str = "") -> ReturnItem:  # noqa: A002 - the word that YAML has
    """A result that the pickler stores as an object, or a format such as `parquet`; later python steps receive the object."""
    return ReturnItem(name, "object", format)


def metric(name: str) -> ReturnItem:
    """A result that is a parameter and a tracked metric."""
    return ReturnItem(name, "metric")


def json(name: str) -> ReturnItem:
    """A result that is a JSON value; a name alone means the same."""
    return ReturnItem(name, "json")


class TaskFields(Links, total=False):
    """The fields of tasks of every command type, as in YAML."""

    catalog: Catalog | None
    returns: Returns
    secrets: Sequence[str] | str | None
    max_attempts: int | None
    retry: int | None
    retry_delay: float | str | None
    timeout: float | str | None
    cache: bool | Mapping[str, Json] | None


class TaskOptions(TaskFields, total=False):
    """All fields of tasks, also the fields of single command types."""

    strict: bool
    notebook_output_path: str | None
    output_cell_tag: str | None
    optional_ploomber_args: Mapping[str, Json] | None


_DEFAULT_KIND: Final = "python"
_SHARED: Final = tuple(sorted(TaskFields.__optional_keys__))
_FIELDS: Final[Mapping[str, Sequence[str]]] = {
    "python": _SHARED,
    "python-lambda": _SHARED,
    "shell": (*_SHARED, "strict"),
    "notebook": (*_SHARED, "notebook_output_path", "output_cell_tag", "optional_ploomber_args"),
}
"""The fields of a task by its command type; command types of other packages are not listed."""


class Task(Step):
    """One unit of work: a command of a command type, `python` unless another is named; the command may be the function."""

    type = "task"

    def __init__(
        self, name: str, command: str | Function, command_type: str = _DEFAULT_KIND, **more: Unpack[TaskOptions]
    ) -> None:
        check(TEXT, command_type=command_type)
        if more.keys() - set(_SHARED):
            fields = _FIELDS[command_type] if command_type in _FIELDS else _fields_of_package(command_type, more)
            self.refuse_unknown(name, more, fields)
        kind = {} if command_type == _DEFAULT_KIND else {"command_type": command_type}
        super().__init__(name, command=command, **kind, **more)


def _fields_of_package(command_type: str, more: Iterable[str]) -> Iterable[str]:
    """The fields of a task of another package; the written fields if the package declares none."""
    from magnus.app.composition import plugins  # lazy: most tasks are of a command type of magnus
    from magnus.definition.fields import field_names

    try:
        names = field_names(plugins.find("tasks", command_type).options)
    except InvalidConfiguration:  # compiling says why; it knows the place
        names = None
    return more if names is None else (*_SHARED, *names)


class PythonTask(Task):
    """A call of a function; named after it unless it gets a name."""

    def __init__(self, function: str | Function, name: str = "", **more: Unpack[TaskFields]) -> None:
        check(_FUNCTION, function=function)
        check(TEXT, name=name)
        inner = getattr(function, "func", function)  # of a partial
        own = function if isinstance(function, str) else getattr(inner, "__name__", type(inner).__name__)
        super().__init__(name or name_by_command(own, "python"), function, **more)


class ShellTask(Task):
    """A command for the shell, named after its program unless it gets a name; `strict` adds `set -euo pipefail`."""

    def __init__(
        self, name: str = "", command: str | None = None, *, strict: bool = False, **more: Unpack[TaskFields]
    ) -> None:
        check(TRUTH, strict=strict)
        check(TEXT, name=name)
        if command is None:
            fix = f"write {type(self).__name__}(command=...)"
            raise InvalidDefinition("'command' is missing", fix=fix, location=arguments.here(), step=name)
        check(TEXT, step=name, command=command)
        name = name or name_by_command(command, "shell")
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
            name or name_by_command(os.fspath(notebook), "notebook"),
            os.fspath(notebook),
            "notebook",
            notebook_output_path=path_as_text(notebook_output_path),
            output_cell_tag=output_cell_tag,
            optional_ploomber_args=optional_ploomber_args,
            **more,
        )


class ExecuteArguments(TypedDict, total=False):
    """The arguments of `Pipeline.execute`."""

    configuration_file: str
    run_id: str
    tag: str
    parameters_file: str
    parameters: Mapping[str, UserObject] | None
    use_cached: str
    assume_lost: bool
    still_running: Literal["wait", "cancel"]
    log_level: str
    output_pipeline_definition: str
    raise_on_failure: bool


class _Job(Step):
    """A task that executes itself, as a pipeline of one step."""

    def execute(self, **options: Unpack[ExecuteArguments]) -> "Run":
        """Execute the job, with the arguments and the result of `Pipeline.execute`."""
        __tracebackhide__ = True  # as in Pipeline.execute
        return self.as_pipeline().execute(**options)


class PythonJob(_Job, PythonTask):
    """A function: `PythonJob(function, returns=["y"]).execute(parameters={"x": 1})`."""


class ShellJob(_Job, ShellTask):
    """A command: `ShellJob(command="command").execute()`."""


class NotebookJob(_Job, NotebookTask):
    """A notebook: `NotebookJob("path.ipynb").execute()`."""
