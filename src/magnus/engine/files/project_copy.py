"""A fresh copy of the project for one step, as an image would hold it. Used where steps are isolated, and by simulations."""

import os
import re
import stat
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from magnus.errors import TaskFailed
from magnus.system import descendants
from magnus.system.system_calls import clone

_LEFT_OUT: Final = frozenset({".hg", ".svn", ".mypy_cache", ".pytest_cache", ".ruff_cache"})
_PRIVATE: Final = re.compile(rf"{descendants.PREFIX}[0-9]+-[0-9a-f]{{4}}")
"""The folder of a run, where the folder of temporary files is in the project; it may hold other copies."""
_ENVIRONMENT_MARK: Final = "pyvenv.cfg"


class ProjectCopy(Struct, frozen=True):
    """How a project is copied.

    Attributes:
        project: absolute, the folder to copy.
        without: absolute, folders that are left out: folders of services, and volumes.
        shared: absolute, folders that all copies share by links: volumes of an engine.
    """

    project: Path
    without: Collection[Path] = ()
    shared: Collection[Path] = ()

    def make(self, target: Path) -> None:
        """Copy the project to the folder `target`, which is made.

        Left out are caches of tools, virtual environments, pipes and sockets, the folders of active runs, and files that
        another process removes meanwhile. A git repository is copied without its objects, which it borrows. The copy keeps
        times and permissions. A link that leads into the project by an absolute path leads into the copy. TaskFailed if a
        file cannot be read or written.
        """
        without, shared = _texts(self.without), _texts(self.shared)
        try:
            _copy_folder(str(self.project), str(target), _Roots(str(self.project), str(target), without, shared))
        except OSError as error:
            where = error.filename or self.project
            raise TaskFailed(f"the project could not be copied for the step: '{where}': {error.strerror}") from error


class _Roots(Struct, frozen=True):
    project: str
    copy: str
    without: frozenset[str]
    shared: frozenset[str]


def _texts(folders: Collection[Path]) -> frozenset[str]:
    return frozenset(os.path.abspath(folder) for folder in folders)  # noqa: PTH100 - as text


def _copy_folder(source: str, target: str, roots: _Roots) -> None:
    from shutil import copystat  # lazy: as below

    os.mkdir(target)  # noqa: PTH102 - projects may have thousands of files
    with os.scandir(source) as entries:
        for entry in entries:
            place = f"{target}/{entry.name}"
            try:
                _copy_entry(entry, place, roots)
            except FileNotFoundError:
                if os.path.lexists(entry.path):
                    raise
                with suppress(OSError):  # an incomplete file
                    os.unlink(place)  # noqa: PTH108 - as above
    copystat(source, target)


def _copy_entry(entry: "os.DirEntry[str]", place: str, roots: _Roots) -> None:
    if entry.is_symlink():
        _copy_link(entry.path, place, roots)
    elif entry.is_dir(follow_symlinks=False):
        if entry.name == "objects" and entry.path.endswith("/.git/objects"):
            _borrow_objects(entry.path, place)
        elif entry.path in roots.shared:
            os.symlink(entry.path, place)  # noqa: PTH211 - as above
        elif not _is_left_out(entry, roots):
            _copy_folder(entry.path, place, roots)
    elif entry.is_file(follow_symlinks=False):
        _copy_file(entry.path, place)


def _borrow_objects(source: str, target: str) -> None:
    """Have a copied git repository find its objects in the original (https://git-scm.com/docs/gitrepository-layout)."""
    os.makedirs(f"{target}/info")  # noqa: PTH103 - as above
    with open(f"{target}/info/alternates", "w", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 - as above
        file.write(f"{source}\n")


def _is_left_out(entry: "os.DirEntry[str]", roots: _Roots) -> bool:
    return (
        entry.name in _LEFT_OUT
        or entry.path in roots.without
        or entry.path == roots.copy
        or _PRIVATE.fullmatch(entry.name) is not None
        or os.path.exists(f"{entry.path}/{_ENVIRONMENT_MARK}")  # noqa: PTH110 - as above
    )


def _copy_link(source: str, target: str, roots: _Roots) -> None:
    leads_to = os.readlink(source)  # noqa: PTH115 - as above
    if leads_to == roots.project or leads_to.startswith(f"{roots.project}/"):
        leads_to = roots.copy + leads_to.removeprefix(roots.project)
    os.symlink(leads_to, target)  # noqa: PTH211 - as above


def _copy_file(source: str, target: str) -> None:
    """Copy by sharing blocks where the file system can, else byte by byte; never as a hard link, which is one file."""
    from shutil import copyfile, copystat  # lazy: as below

    if not _cloned(source, target):
        copyfile(source, target)
    copystat(source, target)


def _cloned(source: str, target: str) -> bool:
    read = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(read).st_mode):
            return False
        write = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            clone(write, read)
        except OSError:
            return False
        finally:
            os.close(write)
    finally:
        os.close(read)
    return True
