"""The tree of a run: its files as people see them, where they are in the project. Used by the file-system catalog."""

from collections.abc import Callable
from typing import Final

from magnus.catalogs.folders import OwnFolders
from magnus.catalogs.names import branch_folders, parts_of, run_folder, tree_parts
from magnus.graph.path import BranchPath
from magnus.system.system_calls import SystemCalls

_TRIES: Final = 100
"""More than any number of processes that undo one another's folders has needed; each try is a few system calls."""


class RunTree:
    """The files of one branch of a run, at `location`; those of the root stand in the folder of the run itself.

    It shows what was put last: a folder makes way for a file of its name, and the other way round.
    """

    def __init__(self, location: str, run_id: str, branch: BranchPath, system: SystemCalls, *, durable: bool) -> None:
        self._top = (run_folder(run_id), *branch_folders(branch))
        self._folders = OwnFolders(location, system, durable=durable, replacing=True)

    def put(self, name: str, link: Callable[[str], None]) -> None:
        """Have the file of this name made by `link`, which gets its path; the folder of it is there.

        Of two processes that put a file and a folder of one name, one stands. OSError or CatalogError when it cannot
        be made.
        """
        for _ in range(_TRIES - 1):
            try:
                return link(self._place(name))
            except (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError):
                self._folders.forget()  # another process put a file where a folder was, or the other way round
        return link(self._place(name))

    def _place(self, name: str) -> str:
        *folders, last = self._parts(name)
        return f"{self._folders.make(tuple(folders))}/{last}"

    def relative(self, name: str) -> str:
        """The same path, relative to the location."""
        return "/".join(self._parts(name))

    def _parts(self, name: str) -> tuple[str, ...]:
        return (*self._top, *tree_parts(parts_of(name)))
