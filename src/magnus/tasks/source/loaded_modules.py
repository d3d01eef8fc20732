"""Finds modules of the project that this process loaded before their files were edited, so that they run older code.

That happens in notebooks and other programs that live long. Used by the task kind `python` for steps that are cached.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Final

from magnus.tasks.source.function_objects import instructions
from magnus.tasks.source.pieces import short_hash
from magnus.values import UserObject

_SEEN: Final = "magnus_source"
"""The attribute of a module's spec with the hash of the source that the module was seen with; a reload makes a new spec."""


class LoadedModules:
    """The modules that are loaded now; each is compared with its file once."""

    def __init__(self) -> None:
        modules = list(sys.modules.values())
        self._by_file = {getattr(module, "__file__", None): module for module in modules}
        self._edited: dict[str, bool] = {}

    def edited(self, files: Iterable[str]) -> str:
        """The name of the first module of these files that was edited after it was loaded; "" if there is none."""
        return next((self._by_file[file].__name__ for file in files if self._is_edited(file)), "")

    def _is_edited(self, file: str) -> bool:
        module = self._by_file.get(file)
        if module is None or module.__name__ == "__main__" or not file.endswith(".py"):
            return False  # of a module without a source its time tells, when its result is put under the key
        if file not in self._edited:
            self._edited[file] = _is_edited(module, Path(file))
        return self._edited[file]


def _is_edited(module: ModuleType, file: Path) -> bool:
    """Whether the source is not the one that the module was seen with before, or has other functions than the module."""
    try:
        source = file.read_bytes()
        code = compile(source, str(file), "exec")
    except (OSError, SyntaxError, ValueError):
        return True
    now, spec = short_hash(source), module.__spec__
    if hasattr(spec, _SEEN):
        return bool(getattr(spec, _SEEN) != now)
    written: dict[str, set[UserObject]] = {}
    for inner in _codes(code):
        written.setdefault(inner.co_qualname, set()).add(instructions(inner))
    if any(instructions(own) not in written.get(own.co_qualname, ()) for own in _own_codes(module, str(file))):
        return True
    if spec is not None:
        setattr(spec, _SEEN, now)
    return False


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _own_codes(module: ModuleType, file: str) -> Iterator[CodeType]:
    """The code of the functions of the module, and of the classes of it, that are from the file."""
    values = list(vars(module).values())
    classes = [value for value in values if isinstance(value, type) and value.__module__ == module.__name__]
    for value in (*values, *(attribute for one in classes for attribute in vars(one).values())):
        function = getattr(value, "__func__", value)
        if isinstance(function, FunctionType) and function.__code__.co_filename == file:
            yield function.__code__
