"""Jobs: tasks that are executed alone and tracked as steps are."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict, Unpack

from magnus.sdk.steps import Step
from magnus.sdk.tasks import NotebookTask, PythonTask, ShellTask
from magnus.values import UserObject

if TYPE_CHECKING:
    from magnus.app.inspect.run_object import Run


class ExecuteArguments(TypedDict, total=False):
    """The arguments of `Pipeline.execute`."""

    configuration_file: str
    run_id: str
    tag: str
    parameters_file: str
    parameters: Mapping[str, UserObject] | None
    use_cached: str
    assume_lost: bool
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
