"""The task kind `python`: calls a function that a dotted path names. Loaded by `app.composition` when a step is of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from magnus.errors import Problem
from magnus.graph.nodes import TaskSpec
from magnus.interfaces.task_kind import TaskCall, TaskOutcome
from magnus.tasks.functions.call import NoOptions, call_function
from magnus.tasks.functions.commands import load_function
from magnus.tasks.functions.user_errors import UserCode
from magnus.tasks.source.locate import missing_function, place_of, source_of

if TYPE_CHECKING:
    from magnus.graph.dataflow.facts import Description  # lazy: a run needs none of it
    from magnus.tasks.source.dependencies import (
        CodeDependencies,  # lazy: as where it is used
    )


class PythonTask:
    """Calls `package.module.function`, an attribute of a class there, or `script.py:function`, in this process."""

    options = NoOptions
    isolates = False

    def problems(self, spec: TaskSpec, working_directory: Path) -> Sequence[Problem]:
        """The mistakes in the command as the name of a function; nothing is imported."""
        problem = None if spec.function else missing_function(spec.command, working_directory)
        return () if problem is None else (problem,)

    def source_file(self, spec: TaskSpec, working_directory: Path) -> Path | None:
        """The file of the module, or the script."""
        return source_of(spec.command, working_directory)

    def code(self, specs: Sequence[TaskSpec], working_directory: Path) -> Sequence[Mapping[str, str]]:
        """The functions, and all that they use of the project."""
        from magnus.tasks.source.dependencies import CodeDependencies  # lazy: workers need none of it

        dependencies = CodeDependencies(working_directory)
        return [_pieces(spec, dependencies, working_directory) for spec in specs]

    def describe(self, spec: TaskSpec, working_directory: Path, *, imports: bool) -> "Description":
        """The needs and effects of the function, by its signature and its source; it is not called."""
        from magnus.tasks.static.functions import describe  # lazy: a run needs none of it

        return describe(spec, working_directory, imports=imports)

    def run(self, call: TaskCall) -> TaskOutcome:
        """Call the function; the working directory has to be the first entry of the import path."""
        command = call.spec.command
        function = call.spec.function
        if function is None:
            with UserCode(call.code_directory):
                function = load_function(command, call.code_directory)
        return call_function(function, f"{command}()", call)


def _pieces(spec: TaskSpec, dependencies: "CodeDependencies", working_directory: Path) -> Mapping[str, str]:
    if spec.function is not None:
        from magnus.tasks.source.function_objects import pieces_of_function  # lazy: as above

        return pieces_of_function(spec.command, spec.function)
    place = place_of(spec.command, working_directory)
    return {} if place is None else dependencies.of(*place)
