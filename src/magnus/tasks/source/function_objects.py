"""The code of a function that only the program that built the pipeline has: no other process can find it by a name.

What is known of it is the object: its bytecode, and what that names in the function's own closure and module.
"""

import inspect
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Final

from magnus.tasks.source.import_path import is_own
from magnus.tasks.source.pieces import short_hash
from magnus.values import Json, UserObject

_MOST_CHARACTERS: Final = 10_000


def pieces_of_function(name: str, function: UserObject) -> Mapping[str, str]:
    """The pieces of the function, by what they are called where it is defined; none for what is no python function."""
    pieces: dict[str, str] = {}
    todo: list[tuple[str, UserObject]] = [(name, function), (name, inspect.unwrap(function))]
    seen: set[tuple[str, int]] = set()
    while todo:
        shown, value = todo.pop()
        if (shown, id(value)) in seen:
            continue
        seen.add((shown, id(value)))
        for own in _functions(value):
            text = f"{pieces.get(shown, '')}{instructions(own.__code__)!r}{_annotations(own)}"
            pieces[shown] = short_hash(text.encode("utf-8", "replace"))
            todo += _named(own)
        if not callable(value) and (text := _text(value)):
            pieces[shown] = short_hash(text.encode("utf-8", "replace"))
    return dict(sorted(pieces.items()))


def _functions(value: UserObject) -> Iterator[FunctionType]:
    """The functions that a value is, or as a class has; of code that is installed none."""
    value = getattr(value, "__func__", value)
    if isinstance(value, FunctionType):
        if is_own(value.__code__.co_filename):
            yield value
    elif isinstance(value, type):
        for attribute in vars(value).values():
            yield from _functions(attribute) if isinstance(attribute, FunctionType) else ()


def _named(function: FunctionType) -> Iterator[tuple[str, UserObject]]:
    """The names from around a function that its code uses."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    for name, cell in cells:
        try:
            yield name, cell.cell_contents
        except ValueError:  # not bound yet
            continue
    for name in _names(function.__code__):
        if name in function.__globals__ and not isinstance(function.__globals__[name], ModuleType):
            yield name, function.__globals__[name]
    for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
        yield f"{function.__name__} defaults", default


def _names(code: Json) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if hasattr(inner, "co_code"):
            yield from _names(inner)


def _annotations(function: FunctionType) -> str:
    """The annotations as text; they decide what the arguments become."""
    annotations = getattr(function, "__annotations__", {})
    return ", ".join(f"{name}: {inspect.formatannotation(kind)}" for name, kind in annotations.items())


def _text(value: UserObject) -> str:
    """A plain value as text; "" for other values, for long texts, and for texts with an address in memory."""
    if not isinstance(value, str | int | float | bool | bytes | list | tuple | dict | set | frozenset | None):
        return ""
    text = repr(sorted(value, key=repr)) if isinstance(value, set | frozenset) else repr(value)
    return "" if len(text) > _MOST_CHARACTERS or " at 0x" in text else text


def instructions(code: Json) -> tuple[Json, ...]:
    """The instructions of the code, without its position, name and docstring."""
    constants = [instructions(inner) if hasattr(inner, "co_code") else repr(inner) for inner in code.co_consts]
    if code.co_consts and isinstance(code.co_consts[0], str) and code.co_flags & inspect.CO_NEWLOCALS:
        constants[0] = "None"  # the docstring, or a text that stands for what comes first in it
    return code.co_code, code.co_names, code.co_varnames, tuple(constants)
