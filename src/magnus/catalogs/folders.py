"""Folders that nothing gets out of: those of the user, and those the catalog makes for itself."""

import errno
import os
import stat
import threading
from pathlib import Path

from magnus.catalogs.failures import shown
from magnus.catalogs.names import parts_of
from magnus.errors import CatalogError
from magnus.system.atomic_files import sync_folder
from magnus.system.own_folder import make_own_folder
from magnus.system.system_calls import SystemCalls


class UserFolder:
    """The folder in which files of the user are read and made; links that stay within it are followed."""

    def __init__(self, folder: Path) -> None:
        self._root = os.path.realpath(folder)
        self._parents: dict[tuple[str, ...], str] = {}

    @property
    def root(self) -> str:
        """The folder itself, without links."""
        return self._root

    def place(self, name: str) -> str:
        """Where the file of this name is, or would be; links are resolved but for one in its own place.

        CatalogError when that is not below the folder.
        """
        *folders, last = parts_of(name)
        return f"{self._parent(tuple(folders), name)}/{last}"

    def behind_link(self, name: str, place: str) -> str:
        """What the link at the place leads to; CatalogError when that is not below the folder."""
        real = self._within(os.path.realpath(place), name)
        if os.path.islink(real):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        return real

    def _parent(self, folders: tuple[str, ...], name: str) -> str:
        parent = self._parents.get(folders)
        if parent is None:
            parent = self._within(os.path.realpath("/".join((self._root, *folders))), name)
            self._parents[folders] = parent
        return parent

    def _within(self, path: str, name: str) -> str:
        if path != self._root and not path.startswith(self._root.rstrip("/") + "/"):
            raise CatalogError(f"{shown(name)} is behind a link that leads out of {self._root!r}")
        return path


class OwnFolders:
    """Folders below one of the catalog's own, made when they are asked for; none of them is a link.

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
        self._made: dict[tuple[str, ...], str] = {}
        self._lock = threading.RLock()

    def make(self, parts: tuple[str, ...]) -> str:
        """The path of the folder, which is there now. OSError or CatalogError when it cannot be made."""
        path = self._made.get(parts)
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
        self._made[parts] = path
        return path

    def forget(self) -> None:
        """Take no folder for granted any longer: another process may have put a file in its place."""
        with self._lock:
            self._made.clear()

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
