"""Finds modules in zip files, and all that code may import by a name that it computes. Used by `tasks.source.modules`."""

import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from magnus.tasks.source.import_path import INSTALLED, SUFFIXES, is_in_library, is_in_magnus

_MOST_FILES: Final = 2000
_MOST_ENTRIES: Final = 1_000_000
_CACHES: Final = frozenset({"__pycache__", "__pypackages__"})


def is_in_archive(archive: str, folder: str, module: str) -> bool:
    """Whether a folder in the zip file, "" for all of it, has the outermost package, or the module, of a dotted name."""
    prefix = f"{folder}/" if folder else ""
    return f"{prefix}{module.partition('.')[0]}" in _places_in_archive(archive, _version(archive))


def modules_below(root: str, suffixes: tuple[str, ...] = SUFFIXES) -> Sequence[str] | None:
    """The modules below a folder, but none in hidden folders, environments, installed packages and magnus; None for too many."""
    files: list[str] = []
    links: set[str] = set()
    count = 0
    for around, folders, names in os.walk(root, followlinks=True):
        count += len(folders) + len(names)
        if around != root and ("pyvenv.cfg" in names or "conda-meta" in folders):
            folders.clear()
            continue
        folders[:] = [name for name in folders if _is_followed(around, name, links)]
        files += (f"{around}/{name}" for name in names if name.endswith(suffixes))
        if len(files) > _MOST_FILES or count > _MOST_ENTRIES:
            return None
    return sorted(files)


def _is_followed(around: str, name: str, links: set[str]) -> bool:
    """Whether to look for modules in a folder; each that is linked is looked at once, so that circles end."""
    folder = f"{around}/{name}"
    if name.startswith(".") or name in _CACHES or name in INSTALLED or is_in_library(folder):
        return False
    if name == "magnus" and is_in_magnus(folder):
        return False
    if os.path.islink(folder):
        target = os.path.realpath(folder)
        is_new = target not in links
        links.add(target)
        return is_new
    return True


def _version(file: str) -> tuple[int, int]:
    try:
        status = os.stat(file)
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=64)
def _places_in_archive(archive: str, version: tuple[int, int]) -> frozenset[str]:
    """The folders and files in a zip file, without suffixes; none if it is no such file."""
    from zipfile import BadZipFile, ZipFile  # lazy: hardly any project has modules in zip files

    del version  # a file that was changed is another key
    try:
        with ZipFile(archive) as file:
            names = file.namelist()
    except (OSError, BadZipFile):
        return frozenset()
    folders = {name[:end] for name in names for end, letter in enumerate(name) if letter == "/"}
    return frozenset(folders.union(name.removesuffix(suffix) for name in names for suffix in SUFFIXES))
