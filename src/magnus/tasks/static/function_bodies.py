"""Reads the bodies of functions: the values they return, and where they end the whole process with `os._exit`."""

import ast
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from magnus.errors import Problem
from magnus.graph.dataflow.facts import Setting
from magnus.graph.dataflow.shapes import ANYTHING, Shape, joined, kinds, of_value
from magnus.tasks.source.definitions import module_of
from magnus.values import UserObject

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_CALLS: Final = {
    "len": "int",
    "int": "int",
    "bool": "bool",
    "str": "str",
    "list": "list",
    "sorted": "list",
    "dict": "dict",
}
_UNNAMED: Final = (ast.Constant, ast.JoinedStr, ast.List, ast.ListComp, ast.Set, ast.SetComp)
_EXIT: Final = "_exit"
_FORKS: Final = frozenset({"fork", "forkpty"})
_WHAT: Final = "which ends the process of magnus: the step fails with any status"
_FIX: Final = "raise an error, or return; sys.exit() ends a step as well"


class Body(Struct, frozen=True):
    """The values a function returns: an expression for each `return`, None for one without, or for the end of the body.

    `is_known` is false when values come in other ways, as from a generator; `is_empty` says that the function does
    something and never returns a value.
    """

    values: tuple[ast.expr | None, ...]
    is_known: bool = True
    is_empty: bool = False


class ReturnedSettings(Struct, frozen=True):
    """The parameters an expression sets if it is returned without a declaration; `others`: there may be more."""

    names: dict[str, Shape]
    others: bool = False
    is_unnamed: bool = False


def body_of(function: Function) -> Body:
    """The values the function returns."""
    if isinstance(function, ast.Lambda):
        return Body(tuple(_alternatives(function.body)))
    inside = list(walk_own(function))
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in inside):
        return Body((), is_known=False)
    values: list[ast.expr | None] = []
    for node in inside:
        if isinstance(node, ast.Return):
            values += [None] if node.value is None else _alternatives(node.value)
    body = Body((*values, *(() if _ends(function.body) else (None,))))
    return Body(body.values, is_empty=_returns_nothing(body, function))


def _returns_nothing(body: Body, function: Function) -> bool:
    """Whether the function ends without a value, though it does something; not one that is still to be written."""
    if isinstance(function, ast.Lambda) or not body.is_known or not body.values or any(body.values):
        return False
    return not all(
        isinstance(statement, ast.Pass)
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        for statement in function.body
    )


def walk_own(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes inside a function, without the nodes of functions and classes in it."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, _SCOPES):
            yield from walk_own(child)


def _alternatives(value: ast.expr) -> Iterator[ast.expr | None]:
    match value:
        case ast.IfExp(body=one, orelse=other):
            yield from _alternatives(one)
            yield from _alternatives(other)
        case ast.Constant(value=None):
            yield None
        case _:
            yield value


def _ends(statements: Sequence[ast.stmt]) -> bool:
    """Whether what follows these statements is never reached."""
    match statements[-1]:
        case ast.Return() | ast.Raise():
            return True
        case ast.If(body=body, orelse=orelse):
            return bool(orelse) and _ends(body) and _ends(orelse)
        case ast.With(body=body) | ast.AsyncWith(body=body):
            return _ends(body)
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
            whole = _ends(orelse) if orelse else _ends(body)
            return (whole and all(_ends(handler.body) for handler in handlers)) or bool(finalbody and _ends(finalbody))
        case ast.While(test=ast.Constant(value=True)) as loop:
            return not any(isinstance(node, ast.Break) for node in ast.walk(loop))
        case ast.Match(cases=cases):
            last = cases[-1]
            is_open = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None and last.guard is None
            return is_open and all(_ends(case.body) for case in cases)
        case _:
            return False


def shape_of_source(value: ast.expr | None) -> Shape:
    """The shape of the value of an expression."""
    match value:
        case None:
            return of_value(None)
        case ast.Constant(value=None | bool() | int() | float() | str() as constant):
            return of_value(constant)
        case ast.IfExp(body=one, orelse=other):
            return joined((shape_of_source(one), shape_of_source(other)))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return of_value(-number)
        case ast.UnaryOp(op=ast.Not()):
            return kinds("bool")
        case ast.JoinedStr():
            return kinds("str")
        case ast.List() | ast.Tuple() | ast.Dict():
            return _of_container(value)
        case _:
            return _of_computation(value)


def _of_computation(value: ast.expr) -> Shape:
    match value:
        case ast.ListComp():
            return kinds("list")
        case ast.DictComp():
            return kinds("dict")
        case ast.Call(func=ast.Name(id=name)) if name in _CALLS:
            return kinds(_CALLS[name])
        case _:
            return ANYTHING


def _of_container(value: ast.List | ast.Tuple | ast.Dict) -> Shape:
    try:
        return of_value(_as_json(ast.literal_eval(value)))
    except (ValueError, TypeError, MemoryError, RecursionError):
        pass
    if not isinstance(value, ast.Dict):
        return kinds("list")
    names = [key.value if isinstance(key, ast.Constant) else None for key in value.keys]
    if not all(isinstance(name, str) for name in names):
        return kinds("dict")
    fields = {str(name): shape_of_source(item) for name, item in zip(names, value.values, strict=True)}
    return Shape(frozenset({"dict"}), None, fields)


def _as_json(value: UserObject) -> UserObject:
    match value:
        case list() | tuple():
            return [_as_json(item) for item in value]
        case dict():
            if not all(isinstance(key, str) for key in value):
                raise ValueError
            return {key: _as_json(item) for key, item in value.items()}
        case None | bool() | int() | float() | str():
            return value
        case _:
            raise ValueError


def returned_settings(value: ast.expr | None, parts: Callable[[ast.expr], dict[str, Shape] | None]) -> ReturnedSettings:
    """The parameters the expression sets if it is returned without a declaration; `parts` gives the parts of called classes."""
    match value:
        case None:
            return ReturnedSettings({})
        case ast.Dict(keys=keys, values=values):
            names = {
                key.value: shape_of_source(item)
                for key, item in zip(keys, values, strict=True)
                if isinstance(key, ast.Constant) and isinstance(key.value, str)
            }
            return ReturnedSettings(names, others=len(names) < len(set(map(_key, keys))))
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
            named = {word.arg: shape_of_source(word.value) for word in keywords if word.arg}
            return ReturnedSettings(named, others=len(named) < len(keywords))
        case _ if isinstance(value, _UNNAMED):
            return ReturnedSettings({}, is_unnamed=True)
        case _:
            result = parts(value)
            return ReturnedSettings({}, others=True) if result is None else ReturnedSettings(result)


def _key(key: ast.expr | None) -> UserObject:
    return key.value if isinstance(key, ast.Constant) else id(key)


def settings_of(ways: Sequence[ReturnedSettings]) -> tuple[Setting, ...]:
    """The parameters that returning one of these sets."""
    names = dict.fromkeys(name for way in ways for name in way.names)
    return tuple(
        Setting(
            name,
            joined(way.names[name] for way in ways if name in way.names),
            is_certain=all(name in way.names for way in ways),
        )
        for name in names
    )


_Function = ast.FunctionDef | ast.AsyncFunctionDef


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
