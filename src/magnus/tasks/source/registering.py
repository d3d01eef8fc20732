"""Tells which definitions something may register when they are made, and what registers them. Pure.

Decorators, base classes and metaclasses register definitions: in a registry, by the type of an argument, among subclasses.
Code reaches such a definition without its name.
"""

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from magnus.tasks.source.definitions import Function
from magnus.tasks.source.effects import CHANGING
from magnus.tasks.source.names import Chain, Uses, chain_of

_STORING: Final = frozenset(
    {
        "append",
        "add",
        "update",
        "setdefault",
        "insert",
        "extend",
        "register",
        "appendleft",
        "push",
        "put",
        "__setitem__",
    }
)
_PURE: Final = frozenset(
    {"cache", "memoize", "wraps", "debug", "info", "warning", "error", "exception", "critical", "log"}
)
_INHERITED: Final = "__init_subclass__"


def registrars(statement: ast.stmt) -> Sequence[Chain]:
    """The decorators and base classes that a definition calls or inherits from: names with attributes."""
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return ()
    inner = statement.body if isinstance(statement, ast.ClassDef) else []
    nodes = [*statement.decorator_list, *(one for node in inner for one in getattr(node, "decorator_list", ()))]
    if isinstance(statement, ast.ClassDef):
        nodes += [*statement.bases, *(keyword.value for keyword in statement.keywords)]
    chains = (chain_of(node.func if isinstance(node, ast.Call) else node) for node in nodes)
    return tuple(dict.fromkeys(chain for chain in chains if chain is not None))


def keeps(statements: Sequence[ast.AST], uses: Uses, attributes: Chain, *, arguments: bool = False) -> bool:
    """Whether these attributes of what the statements define may keep what they are called with or are the base of.

    With `arguments` also whether they may change these.
    """
    if attributes:
        return attributes[-1] not in _PURE
    free = {chain[0] for chain in uses.chains}
    if arguments and any(_changes_arguments(node) for statement in statements for node in ast.walk(statement)):
        return True
    return any(_stores(node, free) for statement in statements for node in ast.walk(statement))


def bases(statements: Sequence[ast.AST]) -> Iterator[Chain]:
    """The bases of what the statements define, as far as these are classes."""
    for statement in statements:
        for base in statement.bases if isinstance(statement, ast.ClassDef) else ():
            if (chain := chain_of(base)) is not None:
                yield chain


def _stores(node: ast.AST, free: set[str]) -> bool:
    match node:
        case ast.Global():
            return True
        case ast.FunctionDef(name=name):
            return name == _INHERITED
        case ast.ClassDef(keywords=keywords):
            return any(keyword.arg == "metaclass" for keyword in keywords)
        case ast.Subscript(ctx=ast.Store(), value=value) | ast.Attribute(ctx=ast.Store(), value=value):
            return _root(value) in free
        case ast.Call(func=ast.Attribute(attr=attribute, value=value)):
            return attribute in _STORING and _root(value) in free
        case ast.Call(func=ast.Name(id="setattr"), args=[first, *_]):
            return _root(first) in free
        case ast.Attribute(attr=attribute, value=value):
            return attribute in _STORING and not isinstance(value, ast.Call) and _root(value) in free
        case _:
            return False


def _changes_arguments(function: ast.AST) -> bool:
    """Whether a function changes what it is called with; a method may set attributes of its own object."""
    if not isinstance(function, Function):
        return False
    arguments = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
    own = {"self"} & arguments
    for node in ast.walk(function):
        match node:
            case ast.Attribute(ctx=ast.Store(), value=ast.Name(id=name)) if name in own:
                pass
            case ast.Subscript(ctx=ast.Store(), value=value) | ast.Attribute(ctx=ast.Store(), value=value):
                if not isinstance(value, ast.Name) or value.id in arguments:
                    return True
            case ast.Call(func=ast.Attribute(attr=attribute, value=value)) if attribute in CHANGING:
                if not isinstance(value, ast.Name) or value.id in arguments:
                    return True
            case ast.Call(func=ast.Name(id="setattr" | "delattr")):
                return True
            case _:
                pass
    return False


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
