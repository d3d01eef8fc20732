"""Follows which pieces of a project functions, scripts and notebook cells depend on, transitively. Used by task kinds.

Modules are followed below the working directory, below the folder that the function's own module was found in, and below
other entries of the import path that nothing is installed to; an installed package counts by its version. If code looks up
attributes by a computed name, as by `getattr`, or imports a module by a text, that module counts as a whole.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from magnus.tasks.source.definitions import FileStatus
from magnus.tasks.source.follower import Follower, Reach
from magnus.tasks.source.locate import own_entries
from magnus.tasks.source.lookups import SCRIPT, WHOLE, Lookup, Use
from magnus.tasks.source.modules import ProjectModules, status_of

_SOURCES: Final = "src"


class CodeDependencies:
    """Gives the pieces of any number of tasks; the uses followed for one task are cached for the next."""

    def __init__(self, working_directory: Path) -> None:
        self.working_directory = str(working_directory)
        self._followers: dict[tuple[str, ...], Follower] = {}
        self._of_functions: dict[tuple[Path, str, tuple[str, ...]], Reach] = {}
        self._statuses: dict[str, FileStatus] = {}
        self._sees_all = self._sees_files = self._moves_imports = False

    def reach(self, find: Callable[[], Mapping[str, str]]) -> Reach:
        """All that `find` reaches, which gets pieces from this object."""
        self._statuses, self._sees_all, self._sees_files, self._moves_imports = {}, False, False, False
        pieces = find()
        return Reach(pieces, self._statuses, self._sees_all, self._sees_files, self._moves_imports)

    def note(self, file: str) -> None:
        """Add a file to the reach, before the caller reads it itself."""
        self._statuses.setdefault(file, status_of(file))

    def note_moved_imports(self) -> None:
        """Note that the code may change the folders in which modules are found."""
        self._moves_imports = True

    def of(self, file: Path, module: str, names: Sequence[str]) -> Mapping[str, str]:
        """The pieces, `<file>:<name>`, or `<file>` for statements that define nothing, each with a short hash.

        `names` are the name and attributes of it in the module, which goes by the dotted name `module`, "" for a script.
        """
        function = (file, module, tuple(names))
        if function not in self._of_functions:
            follower = self._below(_root(file, module))
            self._of_functions[function] = follower.reach([Lookup(str(file), tuple(names))])
        return self._noted(self._of_functions[function])

    def of_script(self, file: Path) -> Mapping[str, str]:
        """The pieces of a file that is run by python."""
        follower = self._below(str(file.parent))
        return self._noted(follower.reach([Use(str(file), WHOLE), Use(str(file), SCRIPT)]))

    def of_module(self, module: str) -> Mapping[str, str]:
        """The pieces of a module of the project that is run by `python -m`."""
        follower = self._below(self.working_directory)
        candidates = [follower.modules.find("", name) for name in (f"{module}.__main__", module)]
        files = [file for file in candidates if file]
        return self._noted(follower.reach(Use(file, name) for file in files for name in (WHOLE, SCRIPT)))

    def of_text(self, text: str, beside: str = "") -> Mapping[str, str]:
        """The pieces of modules that some python uses which is in no module itself, but beside some of the project."""
        root = os.path.normpath(f"{self.working_directory}/{beside}")
        return self._noted(self._below(root).reach_of_text(text))

    def _noted(self, reach: Reach) -> Mapping[str, str]:
        """The pieces; the rest is added to the reach that somebody asks for."""
        self._statuses.update(reach.statuses)
        self._sees_all = self._sees_all or reach.sees_all
        self._sees_files = self._sees_files or reach.sees_files
        self._moves_imports = self._moves_imports or reach.moves_imports
        return reach.pieces

    def _below(self, root: str) -> "Follower":
        roots = dict.fromkeys((root, self.working_directory, *own_entries(), f"{self.working_directory}/{_SOURCES}"))
        ours = tuple(root for root in roots if not _is_installed(root))
        if ours not in self._followers:
            self._followers[ours] = Follower(ProjectModules(ours, self.working_directory))
        return self._followers[ours]


def _root(file: Path, module: str) -> str:
    """The folder on the import path that the module was found in."""
    folder = file.parent if file.stem == "__init__" else file
    for _ in module.split("."):
        folder = folder.parent
    return str(folder)


def _is_installed(root: str) -> bool:
    return "site-packages" in root or "dist-packages" in root
