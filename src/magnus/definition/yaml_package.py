"""Imports PyYAML. Its reader and constructor in Python compile their patterns when they use them, if they ever do.

The pattern of the reader alone takes longer to compile than a pipeline takes to read, which C code does.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

_MODULES: Final = ("yaml.reader", "yaml.constructor")


class _Later:
    """An attribute of a class, which the pattern replaces when it is read."""

    def __init__(self, compiled: Callable[[], re.Pattern[str]]) -> None:
        self._compiled = compiled

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner, self._name = owner, name

    def __get__(self, instance: object, owner: type) -> re.Pattern[str]:
        pattern = self._compiled()
        setattr(self._owner, self._name, pattern)
        return pattern


@contextmanager
def _patterns_later() -> Iterator[None]:
    """Have the modules get attributes from `re.compile` while they are imported; all other calls are as ever."""
    compiled = re.compile

    def compile_or_defer(pattern: Any, flags: Any = 0) -> Any:
        if sys._getframe(1).f_globals.get("__name__") in _MODULES:  # noqa: SLF001 - the module that calls
            return _Later(lambda: compiled(pattern, flags))
        return compiled(pattern, flags)

    re.compile = compile_or_defer
    try:
        yield
    finally:
        re.compile = compiled


with _patterns_later():
    import yaml

__all__ = ["yaml"]
