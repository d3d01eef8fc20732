"""Finds the modules and scripts of a project as files, and the modules that need no parsing."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from magnus.tasks.source.definitions import FileStatus, file_status
from magnus.tasks.source.pieces import Source, read, short_hash

_MOST_FILES: Final = 2000


class ProjectModules:
    """The modules below some folders, each found and read once. A package without `__init__.py` goes by its folder.

    `statuses` has the status of every file that was read, as it was before that; () for one that is not there.
    """

    def __init__(self, roots: Sequence[str], working_directory: str) -> None:
        self.roots = roots
        self.working_directory = working_directory
        self._paths: dict[tuple[str, str], str] = {}
        self._sources: dict[str, Source | None] = {}
        self._quiet: dict[str, Sequence[str] | None] = {}
        self._all: dict[str, tuple[str, ...]] = {}
        self.statuses: dict[str, FileStatus] = {}

    def source(self, file: str) -> Source | None:
        """The content of the file; None if it is no readable python."""
        if file not in self._sources:
            self._note(file)
            self._sources[file] = read(file) if file.endswith(".py") else None
        return self._sources[file]

    def quiet(self, file: str) -> Sequence[str] | None:
        """The imports of a module that does nothing else; None if the module has to be parsed, or is parsed already."""
        if file in self._sources or not file.endswith(".py"):
            return None
        if file not in self._quiet:
            from magnus.tasks.source.quiet import loaded_by_quiet  # lazy: most steps import no module of the project

            self._note(file)
            try:
                self._quiet[file] = loaded_by_quiet(Path(file).read_bytes())
            except OSError:
                self._quiet[file] = None
        return self._quiet[file]

    def other_file(self, file: str) -> str:
        """The hash of a file that is no python, or too long to be parsed; "" when it cannot be read."""
        self._note(file)
        try:
            if not os.path.isfile(file):  # noqa: PTH113 - texts throughout
                return ""
            return short_hash(Path(file).read_bytes())
        except OSError:
            return ""

    def _note(self, file: str) -> None:
        """Keep the status that the file had before it was read."""
        if file not in self.statuses:
            self.statuses[file] = status_of(file)

    def find(self, file: str, module: str) -> str:
        """The file of a module that another file imports, where it is one of the project; else "".

        magnus is none, also where it is installed from a checkout: it is known by its version.
        """
        if module.partition(".")[0] == "magnus":
            return ""
        key = (file.rpartition("/")[0] if module.startswith(".") else "", module)
        if key not in self._paths:
            self._paths[key] = next(self._places(*key), "")
        return self._paths[key]

    def inside(self, file: str, name: str) -> str:
        """The file of a module of a package; "" if the file belongs to no package, or the package has no such module."""
        if file.endswith("/__init__.py"):
            folder = file.removesuffix("/__init__.py")
        elif file.endswith(".py"):
            return ""
        else:
            folder = file
        place = f"{folder}/{name}"
        return next(_at(place), place if os.path.isdir(place) else "")  # noqa: PTH112 - texts throughout

    def packages_around(self, file: str) -> Iterator[str]:
        """The packages that are imported before the module in the file."""
        root = next((root for root in self.roots if file.startswith(f"{root}/")), "")
        folder = file.removesuffix("/__init__.py").rpartition("/")[0]
        while root and len(folder) > len(root):
            package = f"{folder}/__init__.py"
            if not os.path.isfile(package):  # noqa: PTH113 - texts throughout
                return
            yield package
            folder = folder.rpartition("/")[0]

    def named_by(self, file: str, module: str) -> Sequence[str]:
        """The modules that an import by a text may mean: one, all of the package before a final dot, or all."""
        if module and not module.endswith("."):
            matching = self.find(file, module)
            return (matching,) if matching else ()
        if not module:
            return [file for root in self.roots for file in self._below(root)]
        package = self.find(file, module.rstrip(".")).removesuffix("/__init__.py")
        return self._below(package) if package and not package.endswith(".py") else ()

    def script(self, file: str, name: str) -> str:
        """The file of the project that a text in another file names, from one of its folders; "" if there is none."""
        for folder in dict.fromkeys((self.working_directory, file.rpartition("/")[0], *self.roots)):
            place = os.path.normpath(f"{folder}/{name}")
            inside = place.startswith(f"{folder}/")
            if inside and "\0" not in name and os.path.isfile(place):  # noqa: PTH113 - texts throughout
                return place
        return ""

    def _below(self, folder: str) -> Sequence[str]:
        """The modules below a folder, without modules in hidden folders and in environments."""
        if folder not in self._all:
            self._all[folder] = tuple(sorted(_python_files(folder))[:_MOST_FILES])
        return self._all[folder]

    def _places(self, folder: str, module: str) -> Iterator[str]:
        relative = module.lstrip(".")
        for _ in range(len(module) - len(relative) - 1):
            folder = folder.rpartition("/")[0]
        roots = (folder,) if module.startswith(".") else self.roots
        places = ["/".join(filter(None, (root, relative.replace(".", "/")))) for root in roots]
        for place in places:
            yield from _at(place)
        yield from filter(os.path.isdir, places)


def status_of(file: str) -> FileStatus:
    """The status of the file; () if it is not there, or is a folder."""
    try:
        return () if os.path.isdir(file) else file_status(file)  # noqa: PTH112 - texts throughout
    except OSError:
        return ()


def _at(place: str) -> Iterator[str]:
    """The module at a place: a package, or a file."""
    yield from filter(os.path.isfile, (f"{place}/__init__.py", f"{place}.py"))


def _python_files(folder: str) -> Iterator[str]:
    count = 0
    for around, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name.isidentifier() and not name.startswith("__")]
        if "pyvenv.cfg" in files:
            folders.clear()
            continue
        for name in files:
            if name.endswith(".py"):
                count += 1
                yield f"{around}/{name}"
        if count > _MOST_FILES:
            return


def shown_name(file: str, modules: ProjectModules) -> str:
    """The file as people know it, the same on every machine: relative to the working directory, or to its root."""
    for root in (modules.working_directory, *modules.roots):
        if file.startswith(f"{root}/"):
            return file[len(root) + 1 :]
    return file
