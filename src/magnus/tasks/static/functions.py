"""Tells what a function or a lambda needs and sets: by importing the function, or from source alone."""

import ast
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Final, Literal

from magnus.engine.user_code.process_state import HardExit
from magnus.engine.values.parameter_values import VARIABLE_PREFIX
from magnus.errors import Problem, TaskFailed
from magnus.graph.dataflow.facts import UNKNOWN, Description, Need, Setting
from magnus.graph.dataflow.shapes import Shape
from magnus.graph.nodes import Return, TaskSpec
from magnus.tasks.functions.binding import resolved_annotations, takes_all_parameters
from magnus.tasks.functions.commands import load_function
from magnus.tasks.source.definitions import functions_of, module_of
from magnus.tasks.source.locate import source_of, split_script_command
from magnus.tasks.static.annotations import accepted_shape, parts_of, shape_of
from magnus.tasks.static.function_bodies import body_of, hard_exits
from magnus.tasks.static.results import ResultFacts, Returned, result_facts
from magnus.tasks.static.side_effects import Effects, effects_of
from magnus.tasks.static.signatures import Argument, arguments_in_source, arguments_of, parts_in_source, takes_namespace
from magnus.values import UserObject

Definition = ast.FunctionDef | ast.AsyncFunctionDef
_OF_CODE: Final = (ImportError, SyntaxError, NameError, SystemExit)
_HARMLESS: Final = frozenset({"staticmethod", "classmethod", "cache", "lru_cache"})


def describe(spec: TaskSpec, working_directory: Path, *, imports: bool) -> Description:
    """The needs and effects of the function that the command names; it is not called."""
    title = f"{spec.command}()"
    function = spec.function
    problems: tuple[Problem, ...] = ()
    if function is None and imports:
        function, problems = _loaded(spec.command, working_directory)
    if function is not None:
        return _of_function(function, spec, title, working_directory)
    file, definition = _in_source(spec.command, working_directory)
    problems = problems or _not_python(file, working_directory)
    return _of_source(file, definition, spec, title, working_directory, problems)


def function_of(command: str, working_directory: Path) -> Callable[..., UserObject] | None:
    """The function that a command names, imported; None when it cannot be."""
    return _loaded(command, working_directory)[0]


def function_in_source(command: str, working_directory: Path) -> Definition | None:
    """The definition of the function that a command names, where nothing stands around it; None when it is not found."""
    definition = _in_source(command, working_directory)[1]
    return definition if definition is not None and _is_harmless(definition) else None


def _loaded(command: str, working_directory: Path) -> tuple[Callable[..., UserObject] | None, tuple[Problem, ...]]:
    """The function; or why its module cannot be imported."""
    try:
        return load_function(command, working_directory), ()
    except TaskFailed as error:
        place = _place_of(error, working_directory)
        return None, (_not_imported(command, error, place),) if place else error.problems
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a module may do anything when it is imported
        return None, (_not_imported(command, error, _place_of(error, working_directory)),)


def _place_of(error: BaseException, working_directory: Path) -> str:
    """Where in the project it was raised; "" when it was not."""
    frame = error.__traceback__
    file, line = "", 0
    while frame is not None:
        name = frame.tb_frame.f_code.co_filename
        if name.startswith(f"{working_directory}{os.sep}"):
            file, line = os.path.relpath(name, working_directory), frame.tb_lineno
        frame = frame.tb_next
    return f" ({file}:{line})" if file else ""


def _not_imported(command: str, error: BaseException, place: str) -> Problem:
    """An error where nothing but the code is to blame; else it may be something that is there when a step runs."""
    reason, fix = str(error).partition("\n")[0], "fix it, or install what it needs"
    what = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    if isinstance(error, SystemExit):
        what = f"it ends the program with {'os._exit' if isinstance(error, HardExit) else 'sys.exit'}({reason})"
        fix = "put that under 'if __name__ == \"__main__\":'"
    module = command.rpartition(":")[0] or command.rpartition(".")[0]
    message = f"'{module}' cannot be imported: {what}{place}"
    severity: Literal["error", "warning"] = "error" if isinstance(error, _OF_CODE) else "warning"
    return Problem(message, fix, severity=severity)


def _of_function(
    function: Callable[..., UserObject], spec: TaskSpec, title: str, working_directory: Path
) -> Description:
    """From the function itself."""
    bare, is_plain = _bare(function)
    file, definition = _definition_of(bare) if is_plain else (_file_of(bare), None)
    exits = hard_exits(file, definition, working_directory, title)
    effects = effects_of(file, definition, working_directory, title)
    try:
        parameters, returned = resolved_annotations(function)
    except (ValueError, TypeError):
        return _described(
            (), ResultFacts(_declared(spec.returns), others=spec.returns is None, problems=exits), effects
        )
    needs = [
        Need(
            p.name, f"the argument '{p.name}' of {title}", accepted_shape(annotation), is_required=p.default is p.empty
        )
        for p, annotation in parameters
        if p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD} and not takes_all_parameters(annotation)
    ]
    if isinstance(function, type) or not is_plain:
        return _described(needs, ResultFacts(_declared(spec.returns), others=spec.returns is None), effects)
    body = None if definition is None else body_of(definition)
    parts = partial(_parts, getattr(bare, "__globals__", {}))
    takes_any = any(p.kind is p.VAR_KEYWORD or takes_all_parameters(annotation) for p, annotation in parameters)
    results = result_facts(spec.returns, Returned(title, returned, body, parts))
    all_results = ResultFacts(results.sets, results.others, (*exits, *results.problems))
    return _described(needs, all_results, effects, takes_any=takes_any)


def _bare(function: UserObject) -> tuple[UserObject, bool]:
    """The function as it was written; and whether nothing stands around it that may change its results."""
    if type(function).__name__ == "_lru_cache_wrapper":
        function = function.__wrapped__
    if type(function).__name__ == "method":
        function = function.__func__
    return function, type(function) is FunctionType and not hasattr(function, "__wrapped__")


def _file_of(function: UserObject) -> Path | None:
    try:
        file = inspect.getsourcefile(inspect.unwrap(function))
    except (TypeError, ValueError):
        return None
    return Path(file) if file and Path(file).is_file() else None


def _definition_of(function: UserObject) -> tuple[Path | None, Definition | None]:
    """The source file of a function, and its definition in it."""
    code = function.__code__
    file = Path(code.co_filename)
    try:
        node = functions_of(file).get((code.co_name, code.co_firstlineno))
    except (OSError, SyntaxError, ValueError):
        return (file, None) if file.is_file() else (None, None)
    return file, node if node is not None and _is_harmless(node) else None


def _is_harmless(node: Definition) -> bool:
    """Whether its decorators leave arguments and results as they are."""
    for decorator in node.decorator_list:
        bare = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = bare.attr if isinstance(bare, ast.Attribute) else getattr(bare, "id", "")
        if name not in _HARMLESS:
            return False
    return True


def _parts(namespace: Mapping[str, UserObject], value: ast.expr) -> dict[str, Shape] | None:
    """The parts of what a call of a class makes."""
    match value:
        case ast.Call(func=ast.Name(id=name)) if isinstance(kind := namespace.get(name), type):
            parts = parts_of(kind)
            return None if parts is None else {part.names[0]: shape_of(part.annotation) for part in parts}
        case _:
            return None


def _of_source(
    file: Path | None,
    definition: Definition | None,
    spec: TaskSpec,
    title: str,
    working_directory: Path,
    problems: tuple[Problem, ...],
) -> Description:
    """From the source alone."""
    effects = effects_of(file, definition, working_directory, title)
    if definition is None or not _is_harmless(definition):
        return _described(
            (), ResultFacts(_declared(spec.returns), others=spec.returns is None, problems=problems), effects
        )
    arguments, annotation = arguments_in_source(definition)
    body = body_of(definition)
    named = None if file is None else parts_in_source(module_of(file), definition.returns)
    results = result_facts(spec.returns, Returned(title, annotation, body, named=named))
    exits = hard_exits(file, definition, working_directory, title)
    all_results = ResultFacts(results.sets, results.others, (*problems, *exits, *results.problems))
    takes_any = definition.args.kwarg is not None or takes_namespace(definition.args)
    return _described([_need(argument, title) for argument in arguments], all_results, effects, takes_any=takes_any)


def _need(argument: Argument, title: str) -> Need:
    accepted = accepted_shape(argument.annotation)
    return Need(argument.name, f"the argument '{argument.name}' of {title}", accepted, is_required=argument.is_required)


def _not_python(file: Path | None, working_directory: Path) -> tuple[Problem, ...]:
    try:
        if file is not None:
            module_of(file)
    except (SyntaxError, ValueError) as error:
        name = os.path.relpath(file, working_directory) if file else ""
        reason = f"{error.msg}, line {error.lineno}" if isinstance(error, SyntaxError) else str(error)
        return (Problem(f"'{name}' is not python: {reason}", "correct the file"),)
    except OSError:
        pass
    return ()


def _in_source(command: str, working_directory: Path) -> tuple[Path | None, Definition | None]:
    """The source file that the command names, and the function in it, where it stands at the top of the module."""
    file = source_of(command, working_directory)
    script = split_script_command(command, working_directory)
    names = script[1] if script else command.split(".")[-1:]
    if file is None or len(names) != 1:
        return file, None
    try:
        module = module_of(file)
    except (OSError, SyntaxError, ValueError):
        return file, None
    definitions = [node for node in module.body if isinstance(node, Definition) and node.name == names[0]]
    return file, definitions[-1] if len(definitions) == 1 else None


def _declared(returns: Sequence[Return] | None) -> tuple[Setting, ...]:
    return tuple(Setting(item.name) for item in returns or ())


def _described(needs: Sequence[Need], results: ResultFacts, effects: Effects, *, takes_any: bool = True) -> Description:
    """Results win over what is set on the way. `takes_any` when the function may take parameters of any name."""
    names = {setting.name for setting in results.sets if setting.is_certain}
    return Description(
        needs=(*needs, *effects.needs),
        sets=(*(setting for setting in effects.sets if setting.name not in names), *results.sets),
        sets_others=results.others or effects.others,
        puts=effects.puts,
        puts_others=effects.puts_others,
        files=effects.files,
        secrets=effects.secrets,
        problems=results.problems,
        uses=None if takes_any or effects.uses_others else frozenset(),
    )


def describe_lambda(spec: TaskSpec, expression: ast.Lambda | None) -> Description:
    """The needs and effects of the lambda; nothing is evaluated. `expression` is None if the command is no lambda."""
    if expression is None:
        return UNKNOWN
    needs = [
        Need(argument.name, f"the argument '{argument.name}' of the lambda", is_required=argument.is_required)
        for argument in arguments_of(expression.args)
    ]
    results = result_facts(spec.returns, Returned("the lambda", body=body_of(expression)))
    uses = None if expression.args.kwarg else frozenset[str]()
    sets_others = results.others or VARIABLE_PREFIX in spec.command
    return Description(tuple(needs), results.sets, sets_others, problems=results.problems, uses=uses)
