"""Makes and removes the folders of magnus, such as `.catalog`: git ignores everything in them.

Made by the stores, and by what needs such a folder before its store does.
"""

import os
from contextlib import suppress
from errno import ENOTDIR
from pathlib import Path
from typing import Final

_IGNORE_ALL: Final = b"*\n"
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def make_own_folder(folder: Path | str) -> None:
    """Make the folder and those above it where they are missing. OSError when one cannot be made.

    A new one gets a `.gitignore` for all that is in it; one that is there is left as it is.
    """
    if os.path.isdir(folder):  # noqa: PTH112 - asked often
        return
    try:
        Path(folder).parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR), str(folder)) from error
    try:
        os.mkdir(folder)  # noqa: PTH102 - likewise
    except FileExistsError:
        if not os.path.isdir(folder):  # noqa: PTH112 - made by another process meanwhile
            raise
    else:
        ignore_in_git(folder)


def ignore_in_git(folder: Path | str) -> None:
    """Add a `.gitignore` for all that is in the folder, where there is none; it is a convenience, and may be missing."""
    with suppress(OSError):
        descriptor = os.open(os.path.join(folder, ".gitignore"), _CREATE, 0o666)  # noqa: PTH118 - likewise
        try:
            os.write(descriptor, _IGNORE_ALL)
        finally:
            os.close(descriptor)


def remove_folder(folder: Path) -> None:
    """Remove the folder with all that is in it, also in read-only folders; files that cannot be removed stay."""
    from shutil import rmtree  # lazy: few steps have a folder

    rmtree(folder, ignore_errors=True)
    if not os.path.lexists(folder):
        return
    with suppress(OSError):
        _make_writable(folder)
    rmtree(folder, ignore_errors=True)


def _make_writable(folder: Path) -> None:
    folder.chmod(0o700)
    for parent, names, _ in os.walk(folder):
        for name in names:
            path = f"{parent}/{name}"
            if not os.path.islink(path):  # noqa: PTH114 - likewise
                os.chmod(path, 0o700)  # noqa: PTH101 - likewise
