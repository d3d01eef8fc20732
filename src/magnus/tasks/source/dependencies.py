"""Follows which pieces of a project functions, scripts and notebook cells depend on, transitively. Used by task kinds.

Modules are followed below the working directory, below the folder that the function's own module was found in, below
other entries of the import path that nothing is installed to, and in packages that are linked to their sources. Of installed
packages the one is followed that has the function of the step. Others count by their version, and so do python with its
standard library and magnus. If code looks up attributes by a computed name, as by `getattr`, or imports a module by a text,
that module counts as a whole.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from magnus.tasks.source.follower import Follower
from magnus.tasks.source.import_path import at_place, is_in_library, is_own, own_entries
from magnus.tasks.source.lookups import SCRIPT, WHOLE, Lookup, Use
from magnus.tasks.source.modules import InstalledPackage, ProjectModules, status_of
from magnus.tasks.source.names import ANY_MODULE
from magnus.tasks.source.reach import Reach

_SOURCES: Final = "src"
_FIRST: Final = ("sitecustomize", "usercustomize")
"""The modules that python imports when it starts, where there are any."""
_FINDING_TESTS: Final = frozenset({"pytest", "unittest"})
"""Modules that find other modules in folders when they are run."""
_NOTHING: Final = Reach({}, {}, sees_all=False)


class CodeDependencies:
    """Gives the pieces of any number of tasks; the uses followed for one task are cached for the next."""

    def __init__(self, working_directory: Path) -> None:
        self.working_directory = str(working_directory)
        self._own_entries = tuple(own_entries())
        places = [f"{entry}/{name}" for name in _FIRST for entry in self._own_entries]
        self._first = [file for place in places for file in islice(at_place(place), 1)]
        self._followers: dict[tuple[str, ...], Follower] = {}
        self._of_functions: dict[tuple[Path, str, tuple[str, ...]], Reach] = {}
        self._reach = _NOTHING

    def reach(self, find: Callable[[], Mapping[str, str]]) -> Reach:
        """All that `find` reaches, which gets pieces from this object."""
        self._reach = _NOTHING
        pieces = find()
        return self._reach._replace(pieces=pieces)

    def note(self, file: str) -> None:
        """Add a file to the reach, before the caller reads it itself."""
        self._reach = _NOTHING._replace(statuses={file: status_of(file)}).joined(self._reach)

    def note_moved_imports(self) -> None:
        """Note that the code may change the folders in which modules are found."""
        self._reach = self._reach._replace(moves_imports=True)

    def of(self, file: Path, module: str, names: Sequence[str]) -> Mapping[str, str]:
        """The pieces, `<file>:<name>`, or `<file>` for statements that define nothing, each with a short hash.

        `names` are the name and attributes of it in the module, which goes by the dotted name `module`, "" for a script.
        """
        function = (file, module, tuple(names))
        if function not in self._of_functions:
            self._of_functions[function] = self._of_function(file, module, names)
        return self._noted(self._of_functions[function])

    def _of_function(self, file: Path, module: str, names: Sequence[str]) -> Reach:
        if is_in_library(str(file)):  # what it does is judged by its name, as in other code; it may see anything
            reach = self._below(self.working_directory).reach_of_text(f"import {module}\n{'.'.join((module, *names))}")
            return reach._replace(sees_all=True)
        root = _root(file, module)
        package = "" if is_own(root) else module.partition(".")[0]
        follower = self._below(root, package, is_imported=True)
        return follower.reach([Lookup(str(file), tuple(names))])

    def of_script(self, file: Path) -> Mapping[str, str]:
        """The pieces of a file that is run by python."""
        follower = self._below(str(file.parent))
        return self._noted(follower.reach([Use(str(file), WHOLE), Use(str(file), SCRIPT)]))

    def of_module(self, module: str, beside: str = "") -> Mapping[str, str]:
        """The pieces of a module of the project that is run by `python -m` in a folder of it."""
        follower = self._below(os.path.normpath(f"{self.working_directory}/{beside}"))
        candidates = [follower.modules.find("", name) for name in (f"{module}.__main__", module)]
        files = [file for file in candidates if file]
        found = follower.modules.named_by("", ANY_MODULE) if module.partition(".")[0] in _FINDING_TESTS else ()
        own = (Use(file, name) for file in files for name in (WHOLE, SCRIPT))
        return self._noted(follower.reach((*own, *(Use(file, WHOLE) for file in found))))

    def of_text(self, text: str, beside: str = "") -> Mapping[str, str]:
        """The pieces of modules that some python uses which is in no module itself, but beside some of the project."""
        root = os.path.normpath(f"{self.working_directory}/{beside}")
        return self._noted(self._below(root).reach_of_text(text))

    def _noted(self, reach: Reach) -> Mapping[str, str]:
        """The pieces; the rest is added to the reach that somebody asks for."""
        self._reach = self._reach.joined(reach._replace(pieces={}))
        return reach.pieces

    def _below(self, root: str, package: str = "", *, is_imported: bool = False) -> "Follower":
        """What follows modules below a folder; of a folder that packages are installed to, this package alone.

        Python looks into the folder of a program first. A task that is imported from a folder sees the working directory first.
        """
        roots = self._roots(self.working_directory if package else root, is_imported=is_imported)
        key = (root if package else "", package, *roots)
        if key not in self._followers:
            installed = InstalledPackage(root, package) if package else None
            self._followers[key] = Follower(ProjectModules(roots, self.working_directory, installed), self._first)
        return self._followers[key]

    def _roots(self, root: str, *, is_imported: bool) -> Sequence[str]:
        """The folders of the project in the order in which python looks into them."""
        sources = f"{self.working_directory}/{_SOURCES}"
        if is_imported:
            return tuple(dict.fromkeys((self.working_directory, *self._own_entries, root, sources)))
        return tuple(dict.fromkeys((root, *self._own_entries, sources, self.working_directory)))


def _root(file: Path, module: str) -> str:
    """The folder on the import path that the module was found in."""
    folder = file.parent if file.stem == "__init__" else file
    for _ in module.split("."):
        folder = folder.parent
    return str(folder)
