"""Tells which places of the import path have code of the project, and which that of python and of installed packages.

Python and packages are known by their versions, and nothing follows their code. All other code is followed.
"""

import os
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from typing import Final

SUFFIXES: Final = (*EXTENSION_SUFFIXES, *SOURCE_SUFFIXES, *BYTECODE_SUFFIXES)
"""The suffixes of modules, in the order in which python looks for them."""
OPAQUE: Final = (*EXTENSION_SUFFIXES, *BYTECODE_SUFFIXES)
"""The suffixes of modules whose code cannot be read."""
INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
"""The names of folders that packages are installed to."""
_COMPILED: Final = "lib-dynload"
"""The folder in which python has its own extension modules."""
_MAGNUS: Final = f"{os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))}/"


def own_entries() -> Iterator[str]:
    """The entries of the import path that were not made by an installation: folders, and zip files of modules.

    The folder of installed commands is one while such a command runs, and has no modules.
    """
    commands = {
        os.path.dirname(sys.executable),
        *(os.path.join(prefix, "bin") for prefix in (sys.prefix, sys.base_prefix)),
    }
    for entry in sys.path:
        place = os.path.abspath(entry) if entry else ""
        is_there = os.path.exists(place) or archive_of(place)
        if place and place not in commands and is_there and is_own(place):
            yield place


def archive_of(entry: str) -> str:
    """The zip file that an entry of the import path is, or is a folder in; "" if it is none."""
    while entry and not os.path.exists(entry):
        entry = os.path.dirname(entry)
    return entry if os.path.isfile(entry) else ""


def at_place(place: str) -> Iterator[str]:
    """The files that may be the module at a place without suffix, a package first."""
    yield from filter(os.path.isfile, (f"{place}/__init__{suffix}" for suffix in SUFFIXES))
    yield from filter(os.path.isfile, (f"{place}{suffix}" for suffix in SUFFIXES))


def is_own(place: str) -> bool:
    """Whether code in this folder or file is of the project: python did not bring it, and no package was installed there."""
    return INSTALLED.isdisjoint(place.split(os.sep)) and not is_in_library(place)


def is_in_library(place: str) -> bool:
    """Whether a place is in the standard library; other modules and folders that somebody puts there are not."""
    libraries = _libraries(os.__file__, sys.base_prefix, sys.base_exec_prefix)
    return any(_is_in(each, library) for each in {place, os.path.realpath(place)} for library in libraries)


def is_in_magnus(place: str) -> bool:
    """Whether a place is in the package that runs here, installed or in a checkout."""
    return f"{os.path.realpath(place)}/".startswith(_MAGNUS)


def _is_in(place: str, library: str) -> bool:
    if not place.startswith(f"{library}{os.sep}"):
        return place == library
    name = place[len(library) + 1 :].partition(os.sep)[0].partition(".")[0]
    return name == _COMPILED or name in sys.stdlib_module_names


@lru_cache(maxsize=4)
def _libraries(of_os: str, *prefixes: str) -> frozenset[str]:
    """The folders and zip files of the standard library; a virtual environment uses the library of its python."""
    major, minor = sys.version_info[:2]
    places = {os.path.dirname(of_os)}
    for prefix in prefixes:
        for name in (f"python{major}.{minor}", f"python{major}{minor}.zip"):
            places.add(os.path.join(prefix, sys.platlibdir, name))
    return frozenset(places | set(map(os.path.realpath, places)))
