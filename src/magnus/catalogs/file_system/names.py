"""Names of files, runs, branches and steps as names on a disk: checked, or encoded. Pure, but for one question."""

import hashlib
import os
from collections.abc import Iterable
from typing import Final

from magnus.catalogs.file_system.failures import shown
from magnus.errors import CatalogError
from magnus.graph.path import BranchPath, StepPath

_NOT_PLAIN: Final = frozenset("/%\\")
_LONGEST_ENCODED: Final = 240
_KEPT_OF_LONG: Final = 160
_OURS: Final = frozenset((".branches", ".logs"))


def parts_of(name: str) -> tuple[str, ...]:
    """The parts of the name of a file below a folder; CatalogError when it could be anywhere else."""
    parts = tuple(name.split("/"))
    if "\0" in name or not {"", ".", ".."}.isdisjoint(parts):
        raise CatalogError(
            f"{shown(name)} is not the name of a file below a folder",
            fix="use a relative path without empty parts, '.' and '..'",
        )
    try:
        os.fsencode(name)
    except UnicodeEncodeError as error:
        raise CatalogError(f"{shown(name)} cannot be the name of a file: it is not valid text") from error
    return parts


def run_folder(run_id: str) -> str:
    """The name of the folder of a run: its id, where that is a plain name that does not begin with a dot."""
    encoded = "".join(map(_encoded, run_id)) or "%"
    if encoded.startswith("."):
        encoded = f"%2E{encoded[1:]}"
    return _shortened(encoded)


def branch_folders(branch: BranchPath) -> tuple[str, ...]:
    """The folders of a branch below that of its run, one inside the other; none for the root."""
    return (".branches", _shortened(_in_one(branch))) if branch.parts else ()


def log_file(path: StepPath) -> str:
    """The name of the file with the captured output of a step."""
    return f"{_shortened(_in_one(path))}.log"


def tree_parts(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Where a file of the project is in the tree of a run: the same place, unless that is a place of the catalog."""
    first = parts[0]
    return (f"%{first}", *parts[1:]) if first in _OURS or first.startswith("%") else parts


def differing_by_case(names: Iterable[str]) -> tuple[str, str] | None:
    """Two of the names that differ by case alone."""
    by_folded_name: dict[str, str] = {}
    for name in names:
        other = by_folded_name.setdefault(name.casefold(), name)
        if other != name:
            return other, name
    return None


def _in_one(path: BranchPath | StepPath) -> str:
    """The path as one name; a comma is always encoded within the parts of a path."""
    return str(path).replace("/", ",")


def _encoded(character: str) -> str:
    if character.isprintable() and character not in _NOT_PLAIN:
        return character
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _shortened(encoded: str) -> str:
    """The name itself if a file system can hold it, else its first characters and a hash; `%~` is in no other name."""
    data = encoded.encode()
    if len(data) <= _LONGEST_ENCODED:
        return encoded
    return f"{data[:_KEPT_OF_LONG].decode(errors='ignore')}%~{hashlib.sha256(data).hexdigest()[:32]}"
