"""Describes the reducer of a map: the number of values it takes, and its result. Used by `app.parameters.data_flow`."""

import ast
import inspect
from pathlib import Path

from msgspec import Struct

from magnus.graph.dataflow.shapes import ANYTHING, Shape
from magnus.tasks.functions.binding import resolved_annotations
from magnus.tasks.static.annotations import shape_of
from magnus.tasks.static.functions import function_in_source, function_of
from magnus.tasks.static.signatures import meaning


class Reducer(Struct, frozen=True):
    """The shape of its result, and the mistake in the number of values it takes, or ""."""

    shape: Shape = ANYTHING
    message: str = ""


def described_reducer(reducer: str, working_directory: Path, *, imports: bool) -> Reducer:
    """The facts of the reducer; it is not called."""
    if reducer.lstrip().startswith("lambda"):
        return _of_lambda(reducer)
    if imports and (function := function_of(reducer, working_directory)) is not None:
        try:
            parameters, returned = resolved_annotations(function)
        except (ValueError, TypeError):
            return Reducer()
        fixed = [p for p, _ in parameters if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
        takes_all = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p, _ in parameters)
        if isinstance(function, type):
            return Reducer()
        return Reducer(shape_of(returned), _wrong_number(reducer, len(fixed), takes_all=takes_all))
    definition = function_in_source(reducer, working_directory)
    if definition is None:
        return Reducer()
    shape = ANYTHING if definition.returns is None else shape_of(meaning(definition.returns))
    return Reducer(shape, _number_in_source(reducer, definition.args))


def _of_lambda(reducer: str) -> Reducer:
    try:
        expression = ast.parse(reducer.strip(), mode="eval").body
    except (SyntaxError, ValueError):  # the check of the step reports it
        return Reducer()
    return (
        Reducer(message=_number_in_source("the reducer", expression.args))
        if isinstance(expression, ast.Lambda)
        else Reducer()
    )


def _number_in_source(title: str, arguments: ast.arguments) -> str:
    fixed = len(arguments.posonlyargs) + len(arguments.args)
    return _wrong_number(title, fixed, takes_all=arguments.vararg is not None)


def _wrong_number(title: str, fixed: int, *, takes_all: bool) -> str:
    if takes_all:
        return ""
    return f"{title} takes {fixed} value{'' if fixed == 1 else 's'} for any number of elements"
