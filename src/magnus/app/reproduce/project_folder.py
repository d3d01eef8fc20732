"""Makes the folder in which a project is restored, and removes what a killed process left behind of such folders.

The lock of a process on its folder says that the process is alive. Numbers of processes say nothing in a container, which may
see the folder.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from magnus.errors import ServiceError
from magnus.system.atomic_files import ignore_in_git, remove_folder

_PREFIX: Final = "magnus-project-"
_NEW: Final = "magnus-new-"
"""The prefix until the folder is locked."""


@contextmanager
def project_folder(parent: Path) -> Iterator[Path]:
    """A folder in `parent`, readable for this user alone, which is removed afterwards; ServiceError if there can be none."""
    _sweep(parent)
    try:
        new = Path(mkdtemp(prefix=_NEW, dir=parent))
        lock = os.open(new, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = new.rename(new.with_name(_PREFIX + new.name.removeprefix(_NEW)))
    except OSError as error:
        message = f"no folder for the project can be made in '{parent}': {error.strerror}"
        raise ServiceError(message, fix="set TMPDIR to a folder that can be written") from error
    ignore_in_git(folder)
    try:
        yield folder
    finally:
        remove_folder(folder)
        os.close(lock)


def _sweep(parent: Path) -> None:
    with suppress(OSError):
        for folder in parent.glob(f"{_PREFIX}*"):
            with suppress(OSError):
                _remove_if_left(folder)


def _remove_if_left(folder: Path) -> None:
    if folder.lstat().st_uid != os.getuid():
        return
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove_folder(folder)
    finally:
        os.close(lock)
