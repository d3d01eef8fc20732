"""Tells whether the files of the code of a step are as they were when its key was computed. Used by `engine.run.cached`."""

import marshal
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from stat import S_ISDIR
from typing import Final

from magnus.engine.processes.liveness import started_at_ns

_HEADER_BYTES: Final = 16
"""The length of what bytecode starts with (PEP 552)."""


def changed_files(statuses: Mapping[str, tuple[int, ...]], loaded: Collection[str]) -> Iterator[str]:
    """Files of the code that changed since they were read, or before that, but perhaps after this process loaded them.

    `loaded` are the files of the modules that were there when the key was computed.
    """
    started = started_at_ns()
    for file, status in statuses.items():
        is_stale = file in loaded and status and status[1] > started
        has_older_code = _has_stale_bytecode(file, status) and not _is_compiled_from(file)
        if is_stale or _status(file) != status or has_older_code:
            yield file


def remove_stale_bytecode(statuses: Iterable[tuple[str, tuple[int, ...]]]) -> None:
    """Remove bytecode that is not younger than its source.

    Python takes it for that of the source if size and time, to the second, are the same, and would run the code as it was.
    """
    for file, status in statuses:
        if _has_stale_bytecode(file, status):
            with suppress(OSError):
                os.unlink(cache_from_source(file))  # noqa: PTH108 - texts throughout


def _has_stale_bytecode(file: str, status: tuple[int, ...]) -> bool:
    if not status or not file.endswith(".py"):
        return False
    bytecode = _status(cache_from_source(file))
    return bool(bytecode) and bytecode[0] <= status[1]


def _is_compiled_from(file: str) -> bool:
    """Whether the bytecode has the code of the source: in an image of a container both may have the same time in seconds."""
    try:
        source, bytecode = Path(file).read_bytes(), Path(cache_from_source(file)).read_bytes()
        own = marshal.loads(bytecode[_HEADER_BYTES:])  # noqa: S302 - python would run it
        return bool(own == compile(source, file, "exec", dont_inherit=True))
    except (OSError, ValueError, TypeError, EOFError, SyntaxError):
        return False


def loaded_files() -> frozenset[str]:
    """The files of all modules that this process has imported."""
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return frozenset(file for file in files if file)


def _status(file: str) -> tuple[int, ...]:
    try:
        status = os.stat(file)  # noqa: PTH116 - for every file of the code
    except OSError:
        return ()
    if S_ISDIR(status.st_mode):
        return ()
    return status.st_mtime_ns, status.st_ctime_ns, status.st_dev, status.st_ino, status.st_size
