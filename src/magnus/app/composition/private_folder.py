"""A folder of this process alone, for what must not outlive a run: the step channel, the file of parameters."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from magnus.system import descendants
from magnus.system.own_folder import ignore_in_git, remove_folder

_PREFIX: Final = descendants.PREFIX


@contextmanager
def private_folder(parent: Path) -> Iterator[Path]:
    """Make the folder in `parent`, readable for this user alone, and remove it afterwards.

    Its name is short: that of a unix socket in it may have about a hundred bytes, and workers have folders within one.
    What processes that were killed left behind is removed on the way in.
    """
    _sweep(parent)
    folder = parent / f"{_PREFIX}{os.getpid()}-{os.urandom(2).hex()}"
    folder.mkdir(mode=0o700)
    ignore_in_git(folder)
    try:
        yield folder
    finally:
        _remove(folder)


def _sweep(parent: Path) -> None:
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            pid = entry.name.removeprefix(_PREFIX).partition("-")[0]
            if entry.name.startswith(_PREFIX) and pid.isdigit() and _is_ours_and_over(entry, int(pid)):
                _remove(Path(entry.path))


def _is_ours_and_over(entry: "os.DirEntry[str]", pid: int) -> bool:
    if entry.stat(follow_symlinks=False).st_uid != os.getuid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _remove(folder: Path) -> None:
    """Remove the folder, with the folders of the workers in it."""
    try:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    except OSError:  # folders, which few runs have
        remove_folder(folder)
