"""Tells what statements do when a module is imported, beside to give its names a meaning. Pure."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from magnus.tasks.source.names import Chain, chain_of

CHANGING: Final = frozenset(
    "append add update setdefault insert extend register appendleft extendleft push put set remove discard pop popitem "
    "popleft clear sort reverse rotate seed use setitem delitem write __setitem__ __setattr__".split()
)
"""Methods and functions that change what they belong to, or what they are called with."""
_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_DISPLAYS: Final = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


def fresh_names(body: Sequence[ast.stmt]) -> frozenset[str]:
    """The names at the top of a module that nothing else has when they get their meaning: displays, functions, classes."""
    fresh: set[str] = set()
    others: set[str] = set()
    for statement in body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                (others if statement.decorator_list else fresh).add(name)
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=value)
            ):
                (fresh if isinstance(value, (*_DISPLAYS, ast.Constant, ast.JoinedStr)) else others).add(name)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                others.update(_plain_targets(statement) if isinstance(statement, ast.Assign) else ())
            case _:
                others.update(node.id for node in run_by(statement) if _is_stored(node) and isinstance(node, ast.Name))
    return frozenset(fresh - others)


def has_effect(statement: ast.stmt, fresh: frozenset[str]) -> bool:
    """Whether a statement may change something that goes by another name than the names it defines."""
    for node in run_by(statement):
        match node:
            case ast.Attribute(value=value) | ast.Subscript(value=value) if _is_stored(node):
                if not (isinstance(value, ast.Name) and value.id in fresh):
                    return True
            case ast.AugAssign(target=ast.Name(id=name), value=value) if name not in fresh and not isinstance(
                value, ast.Constant
            ):
                return True
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if name in CHANGING:
                return True
            case ast.Expr(value=value) if node is not statement and not isinstance(value, ast.Constant):
                return True
            case ast.Global() | ast.Name(id="__path__", ctx=ast.Store()):
                return True
            case _:
                pass
    return False


def calls(statement: ast.stmt) -> Iterator[Chain]:
    """The names of what the statement calls when it is run, but for decorators."""
    for node in run_by(statement):
        if isinstance(node, ast.Call) and (chain := chain_of(node.func)) is not None:
            yield chain


def run_by(root: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run with a statement: bodies of classes and defaults of functions, but not bodies of functions."""
    todo = [root]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, _SCOPES):
            todo += (*node.args.defaults, *(default for default in node.args.kw_defaults if default is not None))
            todo += getattr(node, "decorator_list", ())
        else:
            todo += ast.iter_child_nodes(node)


def order_of(body: Sequence[ast.stmt], names: Mapping[int, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    """For each name that several statements give a meaning all names from the first to the last of them."""
    places: dict[str, list[int]] = {}
    for number in range(len(body)):
        for name in dict.fromkeys(names.get(number, ())):
            places.setdefault(name, []).append(number)
    return {
        name: tuple(
            text
            for number in range(found[0], found[-1] + 1)
            for text in (*names.get(number, ()), _shown(body[number]), ";")
        )
        for name, found in places.items()
        if len(found) > 1
    }


def order_of_effects(body: Sequence[ast.stmt], effects: Sequence[ast.stmt], stars: Sequence[int]) -> Sequence[str]:
    """What is made of other names around effects, and imported before names are imported by a star."""
    order: list[str] = []
    if effects:
        own = set(map(id, effects))
        for statement in body:
            if id(statement) in own:
                order.append(";")
            elif isinstance(statement, ast.Assign | ast.AnnAssign) and any(
                isinstance(n, ast.Name) and not _is_stored(n) for n in run_by(statement)
            ):
                order += (
                    _plain_targets(statement) if isinstance(statement, ast.Assign) else [ast.unparse(statement.target)]
                )
    imports = [text for statement in body[: stars[-1] + 1 if stars else 0] if (text := _shown(statement))]
    return (*(order if set(order) != {";"} else ()), *(imports if len(imports) > 1 else ()))


def _shown(statement: ast.stmt) -> str:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.ImportFrom():
            return ast.unparse(statement)
        case ast.Assign():
            return " ".join(_plain_targets(statement))
        case _:
            return ""


def _plain_targets(statement: ast.Assign) -> list[str]:
    return [
        node.id
        for target in statement.targets
        for node in ast.walk(target)
        if isinstance(node, ast.Name) and _is_stored(node)
    ]


def _is_stored(node: ast.AST) -> bool:
    return isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)
