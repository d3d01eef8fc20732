"""The tree of a run: its files as people see them, where they are in the project. Used by the file-system catalog."""

from magnus.catalogs.folders import OwnFolders
from magnus.catalogs.names import branch_folders, parts_of, run_folder, tree_parts
from magnus.catalogs.system_calls import SystemCalls
from magnus.graph.path import BranchPath


class RunTree:
    """The files of one branch of a run, at `location`; those of the root stand in the folder of the run itself.

    It shows what was put last: a folder makes way for a file of its name, and the other way round.
    """

    def __init__(self, location: str, run_id: str, branch: BranchPath, system: SystemCalls, *, durable: bool) -> None:
        self._top = (run_folder(run_id), *branch_folders(branch))
        self._folders = OwnFolders(location, system, durable=durable, replacing=True)

    def place(self, name: str) -> str:
        """The path for the file of this name; its folder is there. OSError or CatalogError when it cannot be made."""
        *folders, last = self._parts(name)
        return f"{self._folders.make(tuple(folders))}/{last}"

    def relative(self, name: str) -> str:
        """The same path, relative to the location."""
        return "/".join(self._parts(name))

    def _parts(self, name: str) -> tuple[str, ...]:
        return (*self._top, *tree_parts(parts_of(name)))
