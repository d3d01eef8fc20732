"""Finds the modules and scripts of a project as files, and the modules that need no parsing."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from magnus.tasks.source.definitions import FileStatus, file_status
from magnus.tasks.source.import_path import OPAQUE, SUFFIXES, archive_of, at_place, is_in_magnus
from magnus.tasks.source.pieces import Source, read, short_hash

_COMPUTED: Final = frozenset("{}%*?")
"""Letters of names that are patterns."""


class InstalledPackage(NamedTuple):
    """A package that is followed although it is installed, as the function of the step is in it."""

    root: str
    name: str


class ProjectModules:
    """The modules below some folders and in zip files, each found and read once. A package without `__init__.py` goes by its folder.

    The first of `roots` that has a module gives it its meaning, as the import path does.
    `statuses` has the status of every file that was read, as it was before that; () for one that is not there.
    `too_large` are the folders with more modules than are read, all of which may be meant.
    """

    def __init__(self, roots: Sequence[str], working_directory: str, package: InstalledPackage | None = None) -> None:
        self._entries = roots
        self._archive_of = {root: archive for root in roots if (archive := archive_of(root))}
        self.roots = [root for root in roots if root not in self._archive_of]
        self.archives = frozenset(self._archive_of.values())
        self.working_directory = working_directory
        self.too_large: set[str] = set()
        self._package = package
        self.around = [*self.roots, *([package.root] if package is not None else ())]
        self._paths: dict[tuple[str, str], str] = {}
        self._sources: dict[str, Source | None] = {}
        self._quiet: dict[str, Sequence[str] | None] = {}
        self._all: dict[tuple[str, tuple[str, ...]], Sequence[str]] = {}
        self.statuses: dict[str, FileStatus] = {}

    def source(self, file: str) -> Source | None:
        """The content of the file; None if it is no readable python."""
        if file not in self._sources:
            self._sources[file] = None
            if file.endswith(".py"):
                self._note(file)
                self._sources[file] = read(file)
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
        key = (file.rpartition("/")[0] if module.startswith(".") else "", module)
        if key not in self._paths:
            places = self._places(*key)
            if module.partition(".")[0] == "magnus":  # a script may import another of this name
                places = (place for place in places if not self.is_folder(place) and not is_in_magnus(place))
            self._paths[key] = next(places, "")
        return self._paths[key]

    def loaded(self, file: str, module: str) -> str:
        """The file of a module that another file imports, or of the innermost package around it that there is."""
        while not (place := self.find(file, module)) and "." in module.lstrip("."):
            module = module.rpartition(".")[0]
        return place

    def inside(self, file: str, name: str) -> str:
        """The file of a module of a package; "" if the file belongs to no package, or the package has no such module."""
        if file.endswith("/__init__.py"):
            folder = file.removesuffix("/__init__.py")
        elif file.endswith(".py"):
            return ""
        else:
            folder = file
        return self._first_at(list(self._same_places(f"{folder}/{name}")))

    def is_folder(self, file: str) -> bool:
        """Whether a package has no `__init__.py`, so that python takes an installed one with that name, if there is any."""
        return bool(file) and not file.endswith(SUFFIXES) and file not in self.archives

    def is_opaque(self, file: str) -> bool:
        """Whether the code of a module cannot be read: an extension module, bytecode alone, or a zip file."""
        return file.endswith(OPAQUE) or file in self.archives

    def packages_around(self, file: str) -> Iterator[str]:
        """The packages that are imported before the module in the file."""
        root = next((root for root in self.around if file.startswith(f"{root}/")), "")
        folder = file.removesuffix("/__init__.py").rpartition("/")[0]
        while root and len(folder) > len(root):
            package = f"{folder}/__init__.py"
            if not os.path.isfile(package):  # noqa: PTH113 - texts throughout
                package = ""  # a folder without this file may be in a package
            if package:
                yield package
            folder = folder.rpartition("/")[0]

    def named_by(self, file: str, module: str) -> Sequence[str]:
        """The modules that an import by a text may mean: one, all of the package before a final dot, or all."""
        if module and not module.endswith("."):
            matching = self.find(file, module)
            return (matching,) if matching else ()
        if not module:
            return self._any()
        package = self.find(file, module.rstrip("."))
        if self.is_opaque(package) and "/__init__." not in package:
            return (package,)
        folder = package.partition("/__init__.")[0]
        folders = [place for place in self._same_places(folder) if os.path.isdir(place)]  # noqa: PTH112 - texts throughout
        return [other for place in folders for other in self._below(place)]

    def script(self, file: str, name: str) -> str:
        """The file of the project that a text in another file names, from one of its folders; "" if there is none."""
        for folder in dict.fromkeys((self.working_directory, file.rpartition("/")[0], *self.roots)):
            place = os.path.normpath(f"{folder}/{name}")
            inside = place.startswith(f"{folder}/")
            if inside and "\0" not in name and os.path.isfile(place):  # noqa: PTH113 - texts throughout
                return place
        return ""

    def scripts(self, name: str) -> Sequence[str]:
        """The files of the project with a name, whose folder is computed; all with its suffix if it is computed itself."""
        parts = [part for part in name.split("/") if part not in {"", ".", ".."}]
        stem, _, suffix = parts[-1].rpartition(".")
        tail = f"/{'/'.join(parts)}" if stem and _COMPUTED.isdisjoint(stem) else f".{suffix}"
        files = [file for root in self.roots for file in self._below(root, (f".{suffix}",))]
        return [file for file in dict.fromkeys(files) if file.endswith(tail) or file in self.too_large]

    def is_data(self, file: str) -> bool:
        """Whether a file is no source of python, and no folder."""
        return not file.endswith(".py") and file not in self.too_large

    def _below(self, folder: str, suffixes: tuple[str, ...] = SUFFIXES) -> Sequence[str]:
        """The modules below a folder, or files with other suffixes; the folder itself where these are too many."""
        if (key := (folder, suffixes)) not in self._all:
            from magnus.tasks.source.module_files import modules_below  # lazy: few steps compute names of modules

            files = modules_below(folder, suffixes)
            if files is None:
                self.too_large.add(folder)
            self._all[key] = (folder,) if files is None else files
        return self._all[key]

    def _any(self) -> Sequence[str]:
        """All modules of the project."""
        from magnus.tasks.source.editable import editable_modules  # lazy: as above

        linked = list(editable_modules())
        for place in linked:
            self._note_root(place)
        places = [*self.roots, *linked, *self.archives]
        if self._package is not None:
            place = f"{self._package.root}/{self._package.name}"
            places += [*at_place(place), place]
        folders = [place for place in places if os.path.isdir(place)]  # noqa: PTH112 - texts throughout
        return [*filter(os.path.isfile, places), *(file for folder in folders for file in self._below(folder))]

    def _places(self, folder: str, module: str) -> Iterator[str]:
        relative = module.lstrip(".")
        for _ in range(len(module) - len(relative) - 1):
            folder = folder.rpartition("/")[0]
        inner = relative.replace(".", "/")
        if module.startswith("."):
            yield self._first_at(list(self._same_places("/".join(filter(None, (folder, inner))))))
            return
        package = self._package
        is_installed = package is not None and module.partition(".")[0] == package.name
        roots = (*self._entries, *((package.root,) if package is not None and is_installed else ()))
        for root in roots:
            if root in self._archive_of:
                yield from self._in_archive(root, module)
            else:
                yield from at_place(f"{root}/{inner}")
        yield from self._editable(module)
        yield from filter(os.path.isdir, (f"{root}/{inner}" for root in roots))

    def _same_places(self, place: str) -> Iterator[str]:
        """The place, and where else the same module may be, as one package may have several folders of the import path."""
        yield place
        for own in self.around:
            if place.startswith(f"{own}/"):
                yield from (other for root in self.around if (other := root + place[len(own) :]) != place)

    def _first_at(self, places: Sequence[str]) -> str:
        """The file of the module at the first place that has one; else the first folder; "" if there is none."""
        files = (file for place in places for file in at_place(place))
        return next(files, next(filter(os.path.isdir, places), ""))

    def _in_archive(self, entry: str, module: str) -> Iterator[str]:
        """The zip file of an entry of the import path if it has the module, or the package around it."""
        from magnus.tasks.source.module_files import is_in_archive  # lazy: hardly any project has such files

        archive = self._archive_of[entry]
        if is_in_archive(archive, entry[len(archive) + 1 :], module):
            yield archive

    def _note_root(self, place: str) -> None:
        """Have files beside a module be known by their places in this folder."""
        if (root := place.rpartition("/")[0]) not in self.around:
            self.around.append(root)

    def _editable(self, module: str) -> Iterator[str]:
        """The module in a package that is installed as a link to its sources, and not by a folder of the import path."""
        from magnus.tasks.source.editable import editable_places  # lazy: only imports of other code need it

        names = module.split(".")
        for count in range(1, len(names) + 1):
            places = list(dict.fromkeys(editable_places(".".join(names[:count]))))
            for place in places:
                self._note_root(place)
            if places:
                yield self._first_at(["/".join((place, *names[count:])) for place in places])


def status_of(file: str) -> FileStatus:
    """The status of the file; () if it is not there, or is a folder."""
    try:
        return () if os.path.isdir(file) else file_status(file)  # noqa: PTH112 - texts throughout
    except OSError:
        return ()


def shown_name(file: str, modules: ProjectModules) -> str:
    """The file as people know it, the same on every machine: relative to the working directory, or to its root."""
    if file in modules.archives:
        return os.path.basename(file)  # noqa: PTH119 - texts throughout
    for root in (modules.working_directory, *modules.around):
        if file.startswith(f"{root}/"):
            return file[len(root) + 1 :]
    return file
