"""Tells which python and packages a step runs with, for steps whose cache counts them. Used by `step_keys`."""

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from magnus.engine import provenance

_METADATA: Final = ".dist-info"
_DIGITS: Final = 32
_DIGITS_OF_BUILD: Final = 8


def environment_text(import_path: Sequence[str], working_directory: Path) -> str:
    """The implementation, version and build of python, and the hash of the installed packages.

    A package counts by its name and version, and by its content if it was installed from a folder, an archive or a
    repository: there the version often stays while the code changes. A package that is linked to its sources is code of the
    project, which is followed.
    """
    environment = provenance.environment(import_path, working_directory)
    build = repr((sys.version, sys.implementation.version, sys.abiflags))
    folders = [entry for entry in dict.fromkeys(import_path) if entry and Path(entry) != working_directory]
    local = sorted(line for folder in folders for line in _local_packages(folder))
    packages = environment.packages + "".join(local).encode("utf-8", "surrogateescape")
    python = [str(environment.facts[name]) for name in ("implementation", "python")]
    return " ".join((*python, _hash(build.encode())[:_DIGITS_OF_BUILD], _hash(packages)[:_DIGITS]))


def _local_packages(folder: str) -> Iterator[str]:
    """A line `metadata==hash` for each package in the folder that came from no index of packages."""
    with suppress(OSError), os.scandir(folder) as entries:  # zip files and what is not there
        for entry in entries:
            if entry.name.endswith(_METADATA) and _is_local(Path(entry.path)):
                yield f"{entry.name}=={_content(Path(entry.path))}\n"


def _is_local(metadata: Path) -> bool:
    """Whether the package is a copy of something else than a release, by `direct_url.json` of PEP 610."""
    try:
        origin = json.loads((metadata / "direct_url.json").read_bytes())
        return not origin.get("dir_info", {}).get("editable", False)
    except OSError:
        return False
    except (ValueError, AttributeError):
        return True


def _content(metadata: Path) -> str:
    """The hash of the hashes of its files in `RECORD`; files that an installation makes do not count."""
    with suppress(OSError):
        lines = (metadata / "RECORD").read_bytes().splitlines()
        made = (b"..", os.fsencode(metadata.name))
        return _hash(b"\n".join(sorted(line for line in lines if b"sha256=" in line and not line.startswith(made))))
    return ""


def _hash(data: bytes) -> str:
    return hashlib.sha256(data, usedforsecurity=False).hexdigest()
