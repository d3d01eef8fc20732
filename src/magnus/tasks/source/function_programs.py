"""Writes the functions that a function of a notebook or a program uses as the text of a program, from the objects.

The text is never run: it is followed into the modules of the project, as other code is. Used by the task kind `python`.
"""

import ast
import builtins
import dis
import inspect
import re
import sys
from collections.abc import Iterator
from textwrap import dedent
from types import CodeType, FunctionType, ModuleType
from typing import Final

from msgspec import Struct

from magnus.values import UserObject

_NAME: Final = re.compile(r"[^\W\d]\w*")
_MAIN: Final = frozenset({"__main__", "__mp_main__"})
_PLAIN: Final = (str, int, float, bool, bytes, type(None))
_LOADS: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_IMPORT_OF_MAIN: Final = ("IMPORT_NAME", "__main__")
_SEE_ALL: Final = frozenset({"globals", "vars", "eval", "exec", "compile", "get_ipython", "__import__", "__main__"})
"""Names by which code can reach any value of the program."""
_MOST_CHARACTERS: Final = 10_000


class FunctionProgram(Struct, frozen=True):
    """The text, and the first reason why it does not have all that decides the results of the function; "" for none."""

    text: str
    problem: str


def program_of(function: UserObject) -> FunctionProgram:
    """The program with the function, with the functions around it that it uses, and with the imports of the others."""
    lines: list[str] = []
    problems: list[str] = []
    todo: list[tuple[str, UserObject]] = [(getattr(function, "__name__", ""), function)]
    seen: set[int] = set()
    while todo:
        name, value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if (import_line := _import_of(name, value)) is not None:
            lines.append(import_line)
        elif isinstance(value, FunctionType):
            source = _source(value)
            lines.append(source)
            problems += () if source else (f"the source of '{name}' cannot be read",)
            todo += _used(value)
        elif not _is_plain(value):
            what = value.what if isinstance(value, _Unknown) else _kind(value)
            problems.append(f"it uses '{name}', {what}")
    return FunctionProgram("\n".join(reversed(lines)), problems[0] if problems else "")


def arguments_of(function: UserObject) -> frozenset[str] | None:
    """The names of the parameters that the function may use; None if it may use any."""
    if not isinstance(function, FunctionType) or hasattr(function, "__wrapped__"):
        return None
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return frozenset(parameter.name for parameter in parameters)


def _import_of(name: str, value: UserObject) -> str | None:
    """The line that imports the value from its module; None if the value is in none."""
    if isinstance(value, ModuleType):
        return f"import {value.__name__} as {name}"
    module, inner = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(inner, str) or module in _MAIN or "<locals>" in inner:
        return None
    home, first = sys.modules.get(module), inner.partition(".")[0]
    if isinstance(value, FunctionType) and value.__code__.co_filename != getattr(home, "__file__", None):
        return None  # a wrapper that has the name of the function it wraps
    return f"from {module} import {first} as {name}" if hasattr(home, first) else None


def _source(function: FunctionType) -> str:
    """The text of the function; "" if it cannot be read, or is no statement of its own, as for a lambda."""
    try:
        text = dedent(inspect.getsource(function.__code__))
        ast.parse(text)
    except (OSError, TypeError, SyntaxError, ValueError, RecursionError):
        return ""
    return text


def _used(function: FunctionType) -> Iterator[tuple[str, UserObject]]:
    """The values from around the function that its code, its defaults and its closure name."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not bound yet
            continue
    for name in dict.fromkeys(_global_names(function.__code__)):
        if name in _SEE_ALL:
            yield name, _Unknown("by which it can reach any value of the program")
        elif name in function.__globals__:
            yield name, function.__globals__[name]
        elif not hasattr(builtins, name):
            yield name, _Unknown("which is not defined")
    for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
        yield f"a default of {function.__name__}", default
    for name, kind in getattr(function, "__annotations__", {}).items():
        yield from _named_by(f"the type of {name}", kind, function)


def _named_by(name: str, kind: UserObject, function: FunctionType) -> Iterator[tuple[str, UserObject]]:
    """The values that an annotation names, if they are defined in the program itself."""
    if isinstance(kind, str):
        for word in _NAME.findall(kind):
            if getattr(function.__globals__.get(word), "__module__", None) in _MAIN:
                yield word, _OWN_CLASS
    elif getattr(kind, "__module__", None) in _MAIN or any(f"{main}." in repr(kind) for main in _MAIN):
        yield name, _OWN_CLASS


class _Unknown(Struct, frozen=True):
    """Stands for a value that cannot be looked at."""

    what: str


def _kind(value: UserObject) -> str:
    return f"a {'class' if isinstance(value, type) else f'value of type {type(value).__name__}'} that only this program has"


_OWN_CLASS: Final = _Unknown("a class that only this program has")


def _global_names(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in _LOADS or (instruction.opname, instruction.argval) == _IMPORT_OF_MAIN:
            yield instruction.argval
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _global_names(inner)


def _is_plain(value: UserObject) -> bool:
    """Whether it is a value that the pieces of a function have, as text: numbers, texts, and short containers of them."""
    if isinstance(value, _PLAIN):
        return len(repr(value)) <= _MOST_CHARACTERS
    if isinstance(value, dict):
        return len(repr(value)) <= _MOST_CHARACTERS and all(map(_is_plain, (*value, *value.values())))
    return (
        isinstance(value, list | tuple | set | frozenset)
        and len(repr(value)) <= _MOST_CHARACTERS
        and all(map(_is_plain, value))
    )
