"""The task kinds `python` and `python-lambda`: call a function that a dotted path names, or a lambda of the pipeline file."""

import ast
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from magnus.errors import Problem, TaskFailed
from magnus.graph.nodes import TaskSpec
from magnus.interfaces.task_kind import TaskCall, TaskInputs, TaskOutcome
from magnus.tasks.functions.call import NoOptions, call_function
from magnus.tasks.functions.commands import load_function
from magnus.tasks.functions.user_errors import UserCode
from magnus.tasks.source.locate import missing_function, place_of, source_of
from magnus.values import UserObject

if TYPE_CHECKING:
    from magnus.graph.dataflow.facts import Description  # lazy: a run needs none of it
    from magnus.tasks.source.dependencies import CodeDependencies  # lazy: as where it is used
    from magnus.tasks.source.loaded_modules import LoadedModules

_FIX: Final = "write lambda <parameters>: <value>"


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

    def inputs(self, specs: Sequence[TaskSpec], working_directory: Path) -> Sequence[TaskInputs]:
        """The code that the functions reach, and their arguments where the source shows that they see nothing else."""
        from magnus.tasks.source.dependencies import CodeDependencies  # lazy: only steps that are cached need it
        from magnus.tasks.source.loaded_modules import LoadedModules

        dependencies, loaded = CodeDependencies(working_directory), LoadedModules()
        return [_unless_older(_inputs(spec, dependencies, working_directory), loaded) for spec in specs]

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
        else:
            function = _loaded(function, call.code_directory)
        return call_function(function, f"{command}()", call)


def _loaded(function: Callable[..., UserObject], code_directory: Path) -> Callable[..., UserObject]:
    """The function that only one program has; another process loads it."""
    from magnus.engine.user_code.pickled_functions import PickledFunction  # lazy: most functions are in modules

    if not isinstance(function, PickledFunction):
        return function
    with UserCode(code_directory):
        return function.function


def _pieces(spec: TaskSpec, dependencies: "CodeDependencies", working_directory: Path) -> Mapping[str, str]:
    if spec.function is not None:
        from magnus.tasks.source.function_objects import pieces_of_function  # lazy: as above
        from magnus.tasks.source.function_programs import program_of

        followed = dependencies.of_text(program_of(spec.function).text)
        return {**followed, **pieces_of_function(spec.command, spec.function)}
    place = place_of(spec.command, working_directory)
    return {} if place is None else dependencies.of(*place)


def _inputs(spec: TaskSpec, dependencies: "CodeDependencies", working_directory: Path) -> TaskInputs:
    if spec.function is not None:
        return _inputs_of_object(spec, spec.function, dependencies)
    place = place_of(spec.command, working_directory)
    if place is None:
        return TaskInputs({}, problem=f"the source of '{spec.command}' cannot be read")
    from magnus.tasks.source.arguments import arguments_of_function  # lazy: as above

    reach = dependencies.reach(partial(dependencies.of, *place))
    names = None if reach.sees_all else arguments_of_function(place[0], place[2])
    return TaskInputs(reach.pieces, reach.statuses, names, reach.sees_files, reach.problem)


def _unless_older(inputs: TaskInputs, loaded: "LoadedModules") -> TaskInputs:
    """The inputs, with a problem if this process runs older code than the files have now."""
    name = "" if inputs.problem else loaded.edited(inputs.statuses)
    problem = f"the module '{name}' was edited after this process loaded it: reload it, or restart the process"
    return replace(inputs, problem=problem) if name else inputs


def _inputs_of_object(
    spec: TaskSpec, function: Callable[..., UserObject], dependencies: "CodeDependencies"
) -> TaskInputs:
    """The inputs of a function that only this program has, as its objects and their sources show them."""
    from magnus.tasks.source.function_programs import arguments_of, program_of  # lazy: as above

    program = program_of(function)
    reach = dependencies.reach(partial(_pieces, spec, dependencies, Path(dependencies.working_directory)))
    names = None if reach.sees_all else arguments_of(function)
    return TaskInputs(reach.pieces, reach.statuses, names, reach.sees_files, program.problem or reach.problem)


class PythonLambdaTask:
    """Evaluates a lambda, which sees the built-in names only, and calls it in this process."""

    options = NoOptions
    isolates = False
    command_is_code = True

    def problems(self, spec: TaskSpec, working_directory: Path) -> Sequence[Problem]:
        """The mistakes in the command as a lambda; nothing is evaluated."""
        del working_directory
        return lambda_problems(spec.command)

    def code(self, specs: Sequence[TaskSpec], working_directory: Path) -> Sequence[Mapping[str, str]]:
        """The code of the project that the lambdas import; their own text is in the pipeline."""
        from magnus.tasks.source.dependencies import CodeDependencies  # lazy: workers need none of it

        dependencies = CodeDependencies(working_directory)
        return [dependencies.of_text(spec.command.strip()) for spec in specs]

    def inputs(self, specs: Sequence[TaskSpec], working_directory: Path) -> Sequence[TaskInputs]:
        """The code that the lambdas import, and their arguments."""
        from magnus.tasks.source.arguments import arguments_of_lambda  # lazy: as above
        from magnus.tasks.source.dependencies import CodeDependencies  # lazy: as above

        dependencies = CodeDependencies(working_directory)
        inputs = []
        for spec in specs:
            reach = dependencies.reach(partial(dependencies.of_text, spec.command.strip()))
            names = None if reach.sees_all else arguments_of_lambda(_parse(spec.command).body)
            inputs.append(TaskInputs(reach.pieces, reach.statuses, names, reach.sees_files, reach.problem))
        return inputs

    def describe(self, spec: TaskSpec, working_directory: Path, *, imports: bool) -> "Description":
        """The needs and effects of the lambda; it is not evaluated."""
        from magnus.tasks.static.functions import describe_lambda  # lazy: a run needs none of it

        del working_directory, imports
        try:
            expression = _parse(spec.command).body
        except TaskFailed:
            expression = None
        return describe_lambda(spec, expression if isinstance(expression, ast.Lambda) else None)

    def run(self, call: TaskCall) -> TaskOutcome:
        """Call the lambda."""
        with UserCode(call.code_directory):  # defaults are evaluated here
            function = lambda_function(call.spec.command)
        return call_function(function, "the lambda", call)


def lambda_problems(command: str) -> Sequence[Problem]:
    """The mistakes in the text as a lambda; nothing is evaluated."""
    try:
        _parse(command)
    except TaskFailed as error:
        return error.problems
    return ()


@lru_cache(maxsize=256)
def lambda_function(command: str) -> Callable[..., UserObject]:
    """The function of the text of a lambda; TaskFailed if the text is no lambda."""
    code = compile(_parse(command), "<lambda>", "eval")
    function: Callable[..., UserObject] = eval(code, {})  # noqa: S307 - trusted as much as the pipeline file
    return function


def _parse(command: str) -> ast.Expression:
    """The lambda, which may span several lines; TaskFailed with the mistake if the command is no lambda."""
    text = command.strip()
    if not text:
        raise TaskFailed("the command is empty", fix=_FIX)
    try:
        expression = _expression(text)
    except (SyntaxError, ValueError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise TaskFailed(f"the lambda is not python: {reason}", fix=f"correct it: {text}") from None
    if not isinstance(expression.body, ast.Lambda):
        raise TaskFailed(f"'{text}' is not a lambda", fix=_FIX)
    return expression


def _expression(text: str) -> ast.Expression:
    try:
        return ast.parse(text, mode="eval")
    except SyntaxError as error:
        if "\n" not in text:
            raise
        try:
            return ast.parse(f"({text}\n)", mode="eval")
        except SyntaxError:
            raise error from None
