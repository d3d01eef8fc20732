"""Functions that only this process has, such as functions of notebook cells, as bytes for other processes of this machine.

The package `cloudpickle` writes them by value, with the functions, classes and values that they use. Used where steps run
in workers and in children, and before a run to find functions that cannot be written.
"""

import linecache
import marshal
import os
import pickle
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.util import find_spec
from io import BytesIO
from types import CodeType
from typing import Final

from magnus.engine.user_code.scripts import file_of_main
from magnus.engine.values import pickles
from magnus.errors import TaskFailed
from magnus.values import UserObject

_PACKAGE: Final = "cloudpickle"
_INSTALL: Final = "pip install 'magnus[cloudpickle]', or "
_MAIN: Final = "__main__"


class PickledFunction:
    """A function as bytes. A process loads it at the first call, together with the modules that it uses.

    Attributes:
        data: the pickle.
        sources: the text of the cells that it is from, by their file names, for tracebacks.
    """

    def __init__(self, data: bytes, sources: Mapping[str, str]) -> None:
        self.data = data
        self.sources = sources

    def __call__(self, *arguments: UserObject, **named: UserObject) -> UserObject:
        """Call the function."""
        return self.function(*arguments, **named)

    @cached_property
    def function(self) -> Callable[..., UserObject]:
        """The function itself; what its modules raise when they are imported comes through."""
        for file, text in self.sources.items():
            linecache.cache.setdefault(file, (len(text), None, text.splitlines(keepends=True), file))
        function: Callable[..., UserObject] = pickles.loaded(self.data)
        return function

    def __reduce__(self) -> tuple[type, tuple[bytes, Mapping[str, str]]]:
        return PickledFunction, (self.data, self.sources)


def pickled(function: Callable[..., UserObject]) -> PickledFunction:
    """The function as bytes; TaskFailed if it cannot be written, with the reason and a fix."""
    if isinstance(function, PickledFunction):
        return function
    if find_spec(_PACKAGE) is None:
        raise TaskFailed("the package that sends functions to other processes is not installed", fix=_fix(_INSTALL))
    try:
        data = _dumped(function)
    except Exception as error:
        raise TaskFailed(f"it cannot be sent there: {type(error).__name__}: {error}", fix=_fix()) from error
    return PickledFunction(data, _sources(data))


def _dumped(function: Callable[..., UserObject]) -> bytes:
    import dataclasses  # lazy: few functions need these

    import cloudpickle

    own: dict[type, Callable[..., UserObject]] = {
        type(getattr(dataclasses, name)): _by_name(name) for name in ("MISSING", "KW_ONLY")
    }
    own[CodeType] = _whole_code

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # the package has no types
        dispatch_table = {**cloudpickle.Pickler.dispatch_table, **own}  # noqa: RUF012 - pickle reads it from the class

    file = BytesIO()
    Pickler(file, pickle.HIGHEST_PROTOCOL).dump(function)
    return file.getvalue()


def _by_name(name: str) -> Callable[[UserObject], str]:
    """Pickles a mark of a module by its name, since a copy of it is not that mark."""
    return lambda _mark: name


def _whole_code(code: CodeType) -> tuple[Callable[[bytes], UserObject], tuple[bytes]]:
    """Pickles code with the name of its file, which cloudpickle leaves out; the other process has the same python."""
    return marshal.loads, (marshal.dumps(code),)


def in_module_fix() -> str:
    """What to do about a function that other processes cannot find."""
    return _fix()


def _fix(before: str = "") -> str:
    if file_of_main(_MAIN) is not None:
        return f"{before}define the function at the top level of a module, or of the script"
    return (
        f"{before}put the function into a module, such as by a cell that starts with %%writefile steps.py, "
        "and import it: from steps import ..."
    )


def _sources(data: bytes) -> Mapping[str, str]:
    """The texts that python remembers for made-up file names in the pickle."""
    return {
        file: "".join(entry[2])
        for file, entry in list(linecache.cache.items())
        if len(entry) == 4 and file.encode() in data and not os.path.exists(file)  # noqa: PTH110 - a made-up name
    }
