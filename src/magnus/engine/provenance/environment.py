"""What a run ran in: the interpreter, the machine, and a hash of the packages that are installed.

Called by `app` at the start of a run. Packages are read from the names of their metadata folders, `<name>-<version>.dist-info`:
reading what is in them would take longer than a short run.
"""

import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from magnus import __version__
from magnus.values import Json

_ENDINGS: Final = (".dist-info", ".egg-info")
_SEPARATORS: Final = re.compile(r"[-_.]+")


class Environment(Struct, frozen=True):
    """The facts, and the installed packages in lines `name==version`, of which the facts have the hash."""

    facts: Mapping[str, Json]
    packages: bytes


def environment(import_path: Sequence[str], working_directory: Path) -> Environment:
    """What a run runs in; packages are looked for on the import path, but not among the files of the user."""
    machine = os.uname()
    packages = listed([entry for entry in import_path if entry and Path(entry) != working_directory])
    facts = {
        "python": ".".join(map(str, sys.version_info[:3])),
        "implementation": sys.implementation.name,
        "platform": f"{machine.sysname}-{machine.release}-{machine.machine}",
        "magnus": __version__,
        "packages_hash": hashlib.sha256(packages, usedforsecurity=False).hexdigest(),
    }
    return Environment(facts, packages)


def listed(folders: Sequence[str]) -> bytes:
    """The sorted lines `name==version` of all packages in the folders, of each the one found first."""
    packages: dict[str, str] = {}
    for folder in dict.fromkeys(folders):
        for name, version in _packages(folder):
            packages.setdefault(name, version)
    lines = "".join(f"{name}=={version}\n" for name, version in sorted(packages.items()))
    return lines.encode("utf-8", "surrogateescape")


def _packages(folder: str) -> Iterator[tuple[str, str]]:
    with suppress(OSError), os.scandir(folder) as entries:  # zip files and what is not there
        for entry in entries:
            if entry.name.endswith(_ENDINGS):
                name, _, version = entry.name.rpartition(".")[0].partition("-")
                yield _SEPARATORS.sub("-", name).lower(), version
