"""The tree of the files of a run, as they are in the project, and the merge of two of them.

A put of many files makes their names in a tree apart, which joins the tree of the run by a rename of whole folders:
that costs less than a rename, or a link, of each file.
"""

import errno
from collections.abc import Callable
from functools import partial
from typing import Final

from magnus.catalogs.file_system.folders import (
    OwnFolders,
    branch_folders,
    entries_in,
    folder_and_part,
    parts_of,
    run_folder,
    tree_parts,
)
from magnus.graph.path import BranchPath
from magnus.system.system_calls import SystemCalls

_TRIES: Final = 100
"""More than any number of processes that undo one another's folders has needed; each try is a few system calls."""
_IN_PLACE: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})
"""How file systems say that a folder cannot be renamed, since a folder with files, or a file, is in its place."""


class RunTree:
    """The files of one branch of a run, at `location`; files of the root are in the folder of the run itself.

    It has the newest put: a file replaces a folder of its name, and a folder replaces a file. `home` is the folder of
    the catalog, where `location` is one below it.
    """

    def __init__(
        self, location: str, run_id: str, branch: BranchPath, system: SystemCalls, *, durable: bool, home: str = ""
    ) -> None:
        self.location = location
        self._subject = run_id, branch
        self._system = system
        self._top = (run_folder(run_id), *branch_folders(branch))
        self._folders = OwnFolders(location, system, durable=durable, replacing=True, home=home)
        self._parts_of_folders: dict[str, tuple[str, ...]] = {}

    def apart(self, root: str) -> "RunTree":
        """An empty tree of the same branch below `root`, a path that nobody else has; it is not durable."""
        return RunTree(root, *self._subject, self._system, durable=False, home=self.location)

    def put(self, name: str, link: Callable[[str], None]) -> None:
        """Have the file of this name made by `link`, which gets its path; the folder of it is there.

        Of two processes that put a file and a folder of one name, one stands. OSError or CatalogError when it cannot
        be made.
        """
        self._put(*self._parts(name), link)

    def merge(self, other: "RunTree", move: Callable[[str, str], None]) -> None:
        """Have all files of another tree of the same branch, which is done with then; `move` renames one of them.

        A folder that this tree does not have becomes part of it at once. OSError or CatalogError as above.
        """
        self._merge(other.location, (), move)

    def _merge(self, source: str, parts: tuple[str, ...], move: Callable[[str, str], None]) -> None:
        for entry in entries_in(source):
            take = self._take_folder if entry.is_dir(follow_symlinks=False) else _take_file
            self._put(parts, entry.name, partial(take, entry.path, (*parts, entry.name), move))

    def _put(self, folders: tuple[str, ...], name: str, link: Callable[[str], None]) -> None:
        for _ in range(_TRIES - 1):
            try:
                return link(f"{self._folders.make(folders)}/{name}")
            except (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError):
                self._folders.forget()  # another process put a file where a folder was, or a folder where a file was
        return link(f"{self._folders.make(folders)}/{name}")

    def _take_folder(
        self, source: str, parts: tuple[str, ...], move: Callable[[str, str], None], destination: str
    ) -> None:
        """Rename the folder, unless there is something in its place, which is then merged with it."""
        try:
            self._system.replace(source, destination)
        except OSError as error:
            if error.errno not in _IN_PLACE:
                raise
            self._merge(source, parts, move)

    def relative(self, name: str) -> str:
        """The same path, relative to the location."""
        folders, part = self._parts(name)
        return f"{'/'.join(folders)}/{part}"

    def _parts(self, name: str) -> tuple[tuple[str, ...], str]:
        """The folders of the file below the location, and its own name."""
        folder, part = folder_and_part(name)
        if part and (known := self._parts_of_folders.get(folder)):
            return known, part
        *folders, last = (*self._top, *tree_parts(parts_of(name)))
        if part:
            self._parts_of_folders[folder] = tuple(folders)
        return tuple(folders), last


def _take_file(source: str, _parts: tuple[str, ...], move: Callable[[str, str], None], destination: str) -> None:
    move(source, destination)
