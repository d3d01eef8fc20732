"""Functions that only this process has, such as functions of notebook cells, as bytes for other processes of this machine.

The package `cloudpickle` writes them by value, with the functions, classes and values that they use. Used where steps run
in workers and in children, and before a run to find functions that cannot be written.
"""

import linecache
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.util import find_spec
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
    import cloudpickle  # lazy: few functions need it

    try:
        data = cloudpickle.dumps(function)
    except Exception as error:  # noqa: BLE001 - values of a user may raise anything
        raise TaskFailed(f"it cannot be sent there: {type(error).__name__}: {error}", fix=_fix()) from error
    return PickledFunction(data, _sources(data))


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
