"""Names on a disk and folders that no file gets out of: of the user and of the catalog."""

import errno
import hashlib
import os
import stat
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from magnus.catalogs.file_system.failures import shown
from magnus.errors import CatalogError
from magnus.graph.path import BranchPath, StepPath
from magnus.system.atomic_files import make_own_folder, sync_folder
from magnus.system.system_calls import SystemCalls

_NOT_PLAIN: Final = frozenset("/%\\")
_LONGEST_ENCODED: Final = 240
_KEPT_OF_LONG: Final = 160
_CHECKED: Final = frozenset(".%")
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


def folder_and_part(name: str) -> tuple[str, str]:
    """The folder of a name with its last slash, and its last part, which then needs no check by `parts_of`.

    ("", "") when the last part needs one: a caller that has checked a folder does not check it for each of its files.
    """
    folder, slash, part = name.rpartition("/")
    if part and part[0] not in _CHECKED and part.isascii() and part.isprintable():
        return folder + slash, part
    return "", ""


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


def refuse_names_of_one_file(names: Iterable[str], folder: str, system: SystemCalls) -> None:
    """CatalogError when two of the names would be one file in the folder, for it takes no notice of case."""
    names_of_one = differing_by_case(names)
    if names_of_one and system.ignores_case(folder):
        one, other = map(shown, names_of_one)
        raise CatalogError(
            f"{one} and {other} are one file in {folder!r}, which ignores case", fix="rename one of them"
        )


class UserFolder:
    """The folder in which files of the user are read and made; links that stay within it are followed."""

    def __init__(self, folder: Path) -> None:
        self._root = os.path.realpath(folder)
        self._parents: dict[str, str] = {}

    @property
    def root(self) -> str:
        """The folder itself, without links."""
        return self._root

    def place(self, name: str) -> str:
        """Where the file of this name is, or would be; links are resolved but for one in its own place.

        CatalogError when that is not below the folder.
        """
        folder, part = folder_and_part(name)
        if part and (parent := self._parents.get(folder)):
            return f"{parent}/{part}"
        *folders, last = parts_of(name)
        parent = self._within(os.path.realpath("/".join((self._root, *folders))), name)
        if part:
            self._parents[folder] = parent
        return f"{parent}/{last}"

    def behind_link(self, name: str, place: str) -> str:
        """The target of the link at the place; CatalogError when that is not below the folder."""
        real = self._within(os.path.realpath(place), name)
        if os.path.islink(real):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        return real

    def _within(self, path: str, name: str) -> str:
        if path != self._root and not path.startswith(self._root.rstrip("/") + "/"):
            raise CatalogError(f"{shown(name)} is behind a link that leads out of {self._root!r}")
        return path


class OwnFolders:
    """Folders below one of the catalog's own, made when they are first used; none of them is a link.

    With `replacing` a file in the place of a folder makes way; without, it is an error. `home` is the folder of the
    catalog, where `root` is one below it.
    """

    def __init__(
        self, root: str, system: SystemCalls, *, durable: bool, replacing: bool = False, home: str = ""
    ) -> None:
        self._home = home or root
        self._root = root
        self._system = system
        self._durable = durable
        self._replacing = replacing
        self._paths: dict[tuple[str, ...], str] = {}
        self._lock = threading.RLock()

    def make(self, parts: tuple[str, ...]) -> str:
        """The path of the folder, which is there now. OSError or CatalogError when it cannot be made."""
        path = self._paths.get(parts)
        if path is None:
            with self._lock:
                path = self._make(parts)
        return path

    def _make(self, parts: tuple[str, ...]) -> str:
        if parts:
            path = f"{self.make(parts[:-1])}/{parts[-1]}"
            self._make_one(path)
        else:
            path = self._root
            make_own_folder(self._home)
            Path(path).mkdir(parents=True, exist_ok=True)
        self._paths[parts] = path
        return path

    def forget(self) -> None:
        """Take no folder for granted any longer: another process may have put a file in its place."""
        with self._lock:
            self._paths.clear()

    def _make_one(self, path: str) -> None:
        try:
            self._system.mkdir(path)
        except FileExistsError:
            mode = os.lstat(path).st_mode  # looked at once: what is there may change at any moment
            if stat.S_ISDIR(mode):
                return
            self._make_way(path, mode)
            self._system.mkdir(path)
        if self._durable:
            sync_folder(path.rpartition("/")[0], self._system)

    def _make_way(self, path: str, mode: int) -> None:
        if not self._replacing or not stat.S_ISREG(mode):
            raise CatalogError(f"{path!r} is in the way: the catalog needs a folder there", fix="remove it")
        self._system.unlink(path)


def entries_in(folder: str) -> "list[os.DirEntry[str]]":
    """The entries of the folder; none where there is no folder."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []


def files_below(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """The regular files below the folder, at any depth; no link is followed."""
    waiting = [] if Path(folder).is_symlink() else [folder]
    while waiting:
        for entry in entries_in(waiting.pop()):
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            elif entry.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):
                    yield entry.path, entry.stat(follow_symlinks=False)


def remove_tree(path: str) -> None:
    """Remove a file, a link or a folder; another process may be doing it, too. OSError when it stays."""
    from shutil import rmtree  # lazy: runs are seldom removed

    with suppress(FileNotFoundError):
        if not Path(path).is_dir() or Path(path).is_symlink():
            return Path(path).unlink()
        rmtree(path, ignore_errors=True)
        if os.path.lexists(path):
            rmtree(path)
    return None
