"""Calls the reducer of a map: a function that a dotted path names, or a lambda. Passed to the engine by `app.composition`."""

from collections.abc import Callable, Sequence
from pathlib import Path

from magnus.engine.user_code.imports import project_code
from magnus.engine.values.json_values import to_json_value
from magnus.errors import Problem, TaskFailed
from magnus.graph.nodes import Reducer
from magnus.interfaces.objects import Objects
from magnus.run_log.parameters import JsonParameter, Parameter, holds_objects
from magnus.tasks.functions.binding import python_value
from magnus.tasks.functions.commands import load_function
from magnus.tasks.functions.user_errors import UserCode
from magnus.tasks.python import lambda_function, lambda_problems
from magnus.tasks.source.locate import missing_function
from magnus.values import UserObject


def reduce_values(
    reducer: Reducer, name: str, values: Sequence[Parameter], objects: Objects, working_directory: Path
) -> Parameter:
    """The result of the reducer, called with each value as an argument; TaskFailed if it fails.

    It gets objects unchanged. Its result is stored as an object if it is not JSON.
    """
    with UserCode(working_directory):
        function = _function(reducer, working_directory)
        arguments = [python_value(value, objects) for value in values]
        with project_code():
            reduced = function(*arguments)
        if not any(holds_objects(value) for value in values):
            return JsonParameter(to_json_value(reduced))
    try:
        return JsonParameter(to_json_value(reduced))
    except TaskFailed:
        return objects.put(name, reduced)[0]


def reducer_problems(reducer: str, working_directory: Path) -> Sequence[Problem]:
    """The mistakes in the name of a reducer, or in the lambda; nothing is imported."""
    if _is_lambda(reducer):
        return lambda_problems(reducer)
    problem = missing_function(reducer, working_directory)
    return () if problem is None else (problem,)


def _function(reducer: Reducer, working_directory: Path) -> Callable[..., UserObject]:
    if not isinstance(reducer, str):
        return reducer
    return lambda_function(reducer) if _is_lambda(reducer) else load_function(reducer, working_directory)


def _is_lambda(reducer: str) -> bool:
    return reducer.lstrip().startswith("lambda")
