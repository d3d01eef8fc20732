"""Where the code of a task ends the whole process with `os._exit`, read from its source. Used by `tasks.static.functions`."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from magnus.errors import Problem
from magnus.tasks.source.definitions import module_of

_Function = ast.FunctionDef | ast.AsyncFunctionDef

_EXIT: Final = "_exit"
_FORKS: Final = frozenset({"fork", "forkpty"})
_WHAT: Final = "which ends the process of magnus: the step fails with any status"
_FIX: Final = "raise an error, or return; sys.exit() ends a step as well"


def hard_exits(file: Path | None, function: ast.AST | None, working_directory: Path, title: str) -> tuple[Problem, ...]:
    """A warning for each call of `os._exit` in the function, and in functions of its module that it calls.

    Code that forks is left alone: a forked child ends in this way.
    """
    if file is None or not isinstance(function, _Function):
        return ()
    try:
        if _EXIT.encode() not in file.read_bytes():
            return ()
        module = module_of(file)
    except (OSError, SyntaxError, ValueError):
        return ()
    calls = [call for reached in _reached(function, module) for call in _calls(reached)]
    if any(_name(call) in _FORKS for call in calls):
        return ()
    name = str(file.relative_to(working_directory) if file.is_relative_to(working_directory) else file)
    return tuple(
        Problem(f"{title} calls os._exit() ({name}:{call.lineno}), {_WHAT}", _FIX, severity="warning")
        for call in calls
        if _is_exit(call, module)
    )


def _reached(function: _Function, module: ast.Module) -> Iterator[_Function]:
    """The function, and those at the top of the module that are called from it."""
    defined = {node.name: node for node in module.body if isinstance(node, _Function)}
    waiting, seen = [function], {function.name}
    while waiting:
        reached = waiting.pop()
        yield reached
        called = {call.func.id for call in _calls(reached) if isinstance(call.func, ast.Name)} & defined.keys() - seen
        seen |= called
        waiting += [defined[name] for name in sorted(called)]


def _calls(function: _Function) -> Iterator[ast.Call]:
    return (node for node in ast.walk(function) if isinstance(node, ast.Call))


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _is_exit(call: ast.Call, module: ast.Module) -> bool:
    match call.func:
        case ast.Attribute(value=ast.Name(id=name), attr="_exit"):
            return name in _imported(module, "os")
        case ast.Name(id=name):
            return name in _imported(module, _EXIT)
        case _:
            return False


def _imported(module: ast.Module, what: str) -> set[str]:
    """The names under which the module, or a function in it, imports `os`, or `_exit` of it."""
    names = set()
    for node in ast.walk(module):
        match node:
            case ast.Import(names=aliases) if what == "os":
                names |= {alias.asname or alias.name for alias in aliases if alias.name == what}
            case ast.ImportFrom(module="os", names=aliases):
                names |= {alias.asname or alias.name for alias in aliases if alias.name == what}
            case _:
                pass
    return names
