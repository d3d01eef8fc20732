"""Makes folders for the time of a process, and removes the folders of processes that were killed.

A process is alive if its lock on its folder is, or its number. Numbers alone say nothing in a container, which may see the
folder; where no lock can be had, such as on some network file systems, nothing is left but numbers. A process that started
after the last change of the folder has the number of the one that made it: in a container that is started again, nearly
all do.
"""

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from magnus.system.atomic_files import ignore_in_git, remove_folder
from magnus.system.descendants import start_ticks
from magnus.system.descriptors import OwnDescriptor

_NAME: Final = re.compile(r"([0-9]+)-[0-9a-f]{4}\Z")
_CERTAIN_SECONDS: Final = 60.0
"""More than clocks are set by while they run."""
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def private_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Make a folder in `parent`, readable for this user alone, and remove it afterwards. OSError if there can be none.

    Its name is short: the prefix, the number of this process, and four digits. What processes that were killed left behind
    under this prefix is removed on the way in.
    """
    _sweep(parent, prefix)
    folder, lock = _locked(parent, prefix)
    try:
        ignore_in_git(folder)
        yield folder
    finally:
        _remove(folder)
        lock.close()


def _locked(parent: Path, prefix: str) -> tuple[Path, OwnDescriptor]:
    """A new folder, and the descriptor that holds its lock; children that are forked hold it, too."""
    while True:
        folder = parent / f"{prefix}{os.getpid()}-{os.urandom(2).hex()}"
        folder.mkdir(mode=0o700)
        try:
            lock = os.open(folder, _OPEN)
        except FileNotFoundError:  # swept before it was locked
            continue
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder, OwnDescriptor(lock)
        os.close(lock)


def _sweep(parent: Path, prefix: str) -> None:
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if entry.name.startswith(prefix) and (name := _NAME.match(entry.name, len(prefix))):
                with suppress(OSError):
                    _remove_if_left(entry, int(name[1]))


def _remove_if_left(entry: "os.DirEntry[str]", pid: int) -> None:
    """Remove the folder of this user if its process is gone. OSError if it is there."""
    status = entry.stat(follow_symlinks=False)
    if status.st_uid != os.getuid() or (_is_running(pid) and not _started_after(status.st_mtime, pid)):
        return
    lock = os.open(entry.path, _OPEN)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(Path(entry.path))
    finally:
        os.close(lock)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _started_after(seconds: float, pid: int) -> bool:
    """Whether the process certainly started later, in seconds since 1970; False where nothing says that."""
    try:
        ticks = int(start_ticks(pid))
        booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    except (OSError, ValueError, AttributeError):
        return False
    return booted + ticks / os.sysconf("SC_CLK_TCK") > seconds + _CERTAIN_SECONDS


def _remove(folder: Path) -> None:
    """Remove the folder, with the folders of the workers in it."""
    try:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    except OSError:  # folders, which few runs have
        remove_folder(folder)
