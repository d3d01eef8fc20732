"""Reads the names of the arguments of functions and lambdas from source, for code that sees no other parameter."""

import ast
from collections.abc import Sequence
from pathlib import Path

from magnus.tasks.source.pieces import read


def arguments_of_function(file: Path, names: Sequence[str]) -> frozenset[str] | None:
    """The arguments of a plain function at the top of a module; None for every other object, which may take any.

    A decorator may change the arguments, so a function that has one is not plain.
    """
    source = read(str(file))
    piece = source.definitions.get(names[0]) if source is not None and len(names) == 1 else None
    match piece.statements if piece is not None else ():
        case [ast.FunctionDef(decorator_list=[]) | ast.AsyncFunctionDef(decorator_list=[]) as function]:
            return _names(function.args)
        case _:
            return None


def arguments_of_lambda(expression: ast.expr) -> frozenset[str] | None:
    """The arguments of a lambda; None if it may take any parameter, or is none."""
    return _names(expression.args) if isinstance(expression, ast.Lambda) else None


def _names(arguments: ast.arguments) -> frozenset[str] | None:
    if arguments.kwarg is not None:
        return None
    return frozenset(argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs))
