"""The state of a process that a task can change, item by item, and what becomes of it. Used by `engine.user_code.process_state`.

The page `docs/explanation/process-state.md` has the same list.
"""

import builtins
import os
import sys
from _locale import LC_ALL, setlocale  # `locale` loads `re` and more
from collections.abc import Callable, Sequence
from functools import cache
from operator import call
from typing import Any, Final

from msgspec import Struct

from magnus.engine.user_code import process_values as values
from magnus.engine.user_code.logging_state import logging_state, restore_logging
from magnus.engine.user_code.process_values import merged_mappings

UNLOADED: Final = object()
"""The state of a module that is not loaded."""


class Item(Struct, frozen=True):
    """A piece of state.

    Attributes:
        name: as the documentation has it.
        read, write: how it is read, and set to what was read.
        module: what has to be loaded; "" for what is always there.
        merge: of a value that an import changed, what stays: called with the one before the step, and the ones before
            and after the import.
    """

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]
    module: str = ""
    merge: Callable[[Any, Any, Any], Any] = lambda _base, _before, after: after


ITEMS: Final = (
    Item("sys.argv", lambda: (sys.argv, list(sys.argv)), values.set_arguments),
    Item("hooks", lambda: values.read_hooks(sys), values.set_hooks),
    Item("settings of the interpreter", values.settings, values.set_settings),
    Item("builtins", lambda: values.read_builtins(builtins.__dict__), values.set_builtins),
    Item("signal handlers", values.signals, values.set_signals, merge=values.merged_signals),
    Item("umask", values.umask, os.umask),
    Item("locale", lambda: setlocale(LC_ALL, None), lambda before: setlocale(LC_ALL, before), "locale"),
    Item("warnings", values.warning_filters, values.set_warning_filters, merge=values.merged_warning_filters),
    Item("logging", logging_state, restore_logging, "logging", merged_mappings),
    Item("limits", values.limits, values.set_limits, "resource"),
    Item("event loop policy", values.policy, values.set_policy, "asyncio.events"),
    Item("start method", values.start_method, values.set_start_method, "multiprocessing"),
    Item("decimal", values.decimal, values.set_decimal, "decimal"),
    Item("socket timeout", values.socket_timeout, values.set_socket_timeout, "socket"),
    Item("tempfile.tempdir", values.tempdir, values.set_tempdir, "tempfile"),
    Item("numpy errors", values.numpy_errors, values.set_numpy_errors, "numpy"),
)


_MODULES: Final = tuple(item.module for item in ITEMS if item.module)


@cache
def _reads(loaded: tuple[bool, ...]) -> tuple[Callable[[], Any], ...]:
    """How all items are read if these of the modules are loaded."""
    is_loaded = {"": True, **dict(zip(_MODULES, loaded, strict=True))}
    return tuple(item.read if is_loaded[item.module] else _unloaded for item in ITEMS)


def _unloaded() -> object:
    return UNLOADED


def read_items() -> list[Any]:
    """The values of all items, in their order."""
    loaded = tuple(map(sys.modules.__contains__, _MODULES))
    try:
        return list(map(call, _reads(loaded)))
    except Exception:  # noqa: BLE001 - a module that is half loaded, or that a task took apart
        return [_value(item) for item in ITEMS]


def _value(item: Item) -> Any:
    try:
        return item.read() if not item.module or item.module in sys.modules else UNLOADED
    except Exception:  # noqa: BLE001 - as above
        return UNLOADED


def restore_items(before: Sequence[Any], now: Sequence[Any]) -> tuple[str, ...]:
    """Set every item that changed to what it was; returns what the system refused. What came with a module stays."""
    refused: tuple[str, ...] = ()
    for item, was, is_now in zip(ITEMS, before, now, strict=True):
        if was is not UNLOADED and is_now is not UNLOADED and was != is_now:
            try:
                item.write(was)
            except OSError as error:
                refused = (*refused, str(error))
    return refused


def merged_items(base: Sequence[Any], before: Sequence[Any], after: Sequence[Any]) -> list[Any]:
    """`base` with what an import changed between `before` and `after`."""
    return [_merged(*values) for values in zip(ITEMS, base, before, after, strict=True)]


def _merged(item: Item, base: Any, before: Any, after: Any) -> Any:
    if base is UNLOADED or before is UNLOADED:
        return after
    return base if after is UNLOADED or before == after else item.merge(base, before, after)
