"""Reads the top-level definitions of a python source file without running it."""

import ast
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeAlias

from msgspec import Struct

FileStatus: TypeAlias = tuple[int, ...]
_PLAIN_DEFINITION: Final = re.compile(rb"^(?:async[ \t]+def|def|class)[ \t]+(\w+)", re.MULTILINE)
_DYNAMIC: Final = (
    rb"def __getattr__|\b__path__\b|sys\.modules\[__name__\]|(?<![.\w])(?:globals|locals|vars)\(\)|(?<![.\w])exec\("
)
"""Code that creates names dynamically, so that the source does not show them."""

_CONSTANTS: Final = (
    *(ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Set, ast.Dict),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


Function = ast.FunctionDef | ast.AsyncFunctionDef


class Found(Enum):
    """The kind of object behind a name, as far as the source tells; CALLABLE if nothing contradicts it."""

    CALLABLE = "callable"
    CONSTANT = "constant"
    MISSING = "missing"
    UNKNOWN = "unknown"


class Definition(Struct, frozen=True):
    """The kind of object behind a name, its line (0 where that does not matter), and the functions and classes beside it."""

    found: Found
    line: int = 0
    others: tuple[str, ...] = ()


class _Source(Struct, frozen=True):
    text: bytes
    plainly_defined: frozenset[str]
    """The functions and classes that start at the left margin."""


class _Binding(Struct, frozen=True):
    """A statement that gives a name a meaning; the name is `*` when it gives names that are not written there."""

    name: str
    found: Found
    statement: ast.stmt

    @property
    def is_likely_function(self) -> bool:
        """Whether it is worth to be named to someone who looks for a function."""
        match self.statement:
            case ast.ImportFrom(module=module):
                return module != "__future__"
            case _:
                return self.found is Found.CALLABLE


def look_up(file: Path, names: Sequence[str]) -> Definition:
    """The definition of `names`, a name and attributes of it, in the module in `file`; UNKNOWN in doubt.

    Raises SyntaxError or ValueError when the file is not python, and OSError.
    """
    status = file_status(file)
    source = _read(file, status)
    if len(names) == 1 and names[0] in source.plainly_defined:
        return Definition(Found.CALLABLE)
    if re.search(_DYNAMIC, source.text):
        return Definition(Found.UNKNOWN)
    module = _parse(file, status)
    definition = _look_up(module.body, names)
    is_global = any(isinstance(node, ast.Global) and names[0] in node.names for node in ast.walk(module))
    return Definition(Found.UNKNOWN) if is_global else definition


def module_of(file: Path) -> ast.Module:
    """The syntax tree of the file, shared by all callers; raises SyntaxError, ValueError or OSError."""
    return _parse(file, file_status(file))


def functions_of(file: Path) -> Mapping[tuple[str, int], Function]:
    """The functions defined anywhere in the file, by name and first line, that of a decorator too; raises as above."""
    return _functions(file, file_status(file))


def file_status(file: str | Path) -> FileStatus:
    """What changes with the content of a file, also if a program sets its time; its size comes last. Raises OSError."""
    status = os.stat(file)  # noqa: PTH116 - for every file of a project
    return status.st_mtime_ns, status.st_ctime_ns, status.st_dev, status.st_ino, status.st_size


@lru_cache(maxsize=64)
def _functions(file: Path, status: FileStatus) -> Mapping[tuple[str, int], Function]:
    module = _parse(file, status)
    functions = (node for node in ast.walk(module) if isinstance(node, Function))
    return {(node.name, min([node.lineno, *(part.lineno for part in node.decorator_list)])): node for node in functions}


@lru_cache(maxsize=64)
def _read(file: Path, status: FileStatus) -> _Source:
    del status  # a file that was changed is another key
    text = file.read_bytes()
    return _Source(text, frozenset(name.decode("utf-8", "replace") for name in _PLAIN_DEFINITION.findall(text)))


@lru_cache(maxsize=64)
def _parse(file: Path, status: FileStatus) -> ast.Module:
    try:
        return ast.parse(_read(file, status).text, filename=str(file))
    except (RecursionError, MemoryError):
        raise ValueError("too much in it is inside one another") from None


def _look_up(body: Sequence[ast.stmt], names: Sequence[str]) -> Definition:
    bindings = list(_bindings(body))
    matching = [binding for binding in bindings if binding.name == names[0]]
    others = tuple({binding.name: None for binding in bindings if binding.is_likely_function})
    if not matching:
        is_open = any(binding.name == "*" for binding in bindings)
        return Definition(Found.UNKNOWN if is_open else Found.MISSING, others=others)
    if len(names) > 1:
        return _inside(matching[-1].statement, names[1:])
    constant = all(binding.found is Found.CONSTANT for binding in matching)
    return Definition(Found.CONSTANT if constant else Found.CALLABLE, matching[-1].statement.lineno, others)


def _inside(statement: ast.stmt, names: Sequence[str]) -> Definition:
    """Attributes of a class that inherits nothing; of anything else nothing is known."""
    match statement:
        case ast.ClassDef(bases=[], keywords=[], decorator_list=[]) if names[0] not in dir(type):
            return _look_up(statement.body, names)
        case _:
            return Definition(Found.UNKNOWN)


def _bindings(body: Sequence[ast.stmt]) -> Iterator[_Binding]:
    for statement in body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield _Binding(statement.name, Found.CALLABLE, statement)
            case ast.Import() | ast.ImportFrom():
                for alias in statement.names:
                    yield _Binding(alias.asname or alias.name.partition(".")[0], Found.UNKNOWN, statement)
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                yield _Binding(name, Found.CONSTANT if isinstance(value, _CONSTANTS) else Found.UNKNOWN, statement)
            case ast.AnnAssign(value=None):
                pass
            case _:
                yield from _bound_within(statement)


def _bound_within(statement: ast.stmt) -> Iterator[_Binding]:
    """The names given by the blocks of a compound statement, and by expressions anywhere."""
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.stmt):
            yield from _bindings([child])
            continue
        if isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from _bindings(child.body)
        yield from (_Binding(name, Found.UNKNOWN, statement) for name in _stored(child))


def _stored(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        match part:
            case ast.Name(id=name, ctx=ast.Store()) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case ast.MatchMapping(rest=str(name)):
                yield name
            case _:
                pass


def bindings(statement: ast.stmt) -> Sequence[str]:
    """The names of the module that a statement at its top level defines or changes, but for those it imports."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return (name,)
        case ast.Import() | ast.ImportFrom():
            return ()
        case _:
            return tuple(dict.fromkeys(_bound(statement)))


def _bound(root: ast.AST) -> Iterator[str]:
    todo = [root]
    while todo:
        node = todo.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
                continue
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                continue
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.Subscript(ctx=ast.Store()) | ast.Attribute(ctx=ast.Store()):
                base: ast.AST = node
                while isinstance(base, ast.Subscript | ast.Attribute):
                    base = base.value
                if isinstance(base, ast.Name):
                    yield base.id
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                yield name
            case _:
                pass
        todo += ast.iter_child_nodes(node)
