"""Content by its SHA-256: `<folder>/<2 digits>/<62 digits>`, read-only, stored once. Used by the file-system catalog.

A file that may be executed is stored apart from one with the same content that may not, with `.x` at the end of its
name: all links to a file share its permissions.
"""

import io
import os
import stat
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import Struct

from magnus.catalogs.file_system import copying, hash_cache
from magnus.catalogs.file_system.folders import OwnFolders
from magnus.catalogs.file_system.hash_cache import HashCache, Integrity
from magnus.errors import CatalogError
from magnus.system.atomic_files import CREATE, NO_LINKS, NewNames, sync_folder, temporary_file, write_all
from magnus.system.system_calls import SystemCalls

READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


ASIDE: Final = "unneeded-"
"""Content that is about to be removed has its whole name after this, for a moment, in the folder of temporary files."""
RECENT_NS: Final = 60 * 10**9
"""Content that was put within this time is not removed even when the user wants the rest of it gone."""
YOUNG_NS: Final = 24 * 3600 * 10**9
"""Content that was put, or put again, within this time is not removed: the record that needs it may be on its way."""


class Content(Struct, frozen=True):
    """The content of a file, by its SHA-256 (hex) and its size in bytes, and whether it may be executed."""

    data_hash: str
    size: int
    executable: bool = False


class ContentStore:
    """The store for the duration of one put or get; any number of them may work on one folder."""

    def __init__(self, folder: str, hashes: HashCache, system: SystemCalls, *, durable: bool, home: str = "") -> None:
        self._folder = folder
        self._system = system
        self.integrity = Integrity(hashes, system)
        self.durable = durable
        self._folders = OwnFolders(folder, system, durable=durable, home=home)
        self._new_names = NewNames(f"{folder}/tmp/")  # noqa: S108 - of the store
        self._no_links: set[str] = set()

    def holds(self, content: Content) -> bool:
        """Whether a file of this name and size is there; it may be damaged."""
        return self._status(content) is not None

    def claim(self, content: Content, data: bytes | None = None) -> bool:
        """Whether the content is there and whole, so that it can be used; it is young again then.

        It is read, and compared to `data`, the content itself, where the caller has it.
        """
        status = self._status(content)
        if status is None or not self._is_whole(content, data):
            return False
        if self._system.now() - status.st_mtime_ns > YOUNG_NS // 2:
            try:
                self._system.touch(self.path(content))
            except FileNotFoundError:
                return False
            except PermissionError:
                pass  # it is another user's, who alone can remove it
        return True

    def _is_whole(self, content: Content, data: bytes | None) -> bool:
        path = self.path(content)
        try:
            descriptor = self._system.open(path, READ, 0)
        except FileNotFoundError:
            return False
        except OSError as error:
            if not hash_cache.is_lost(error):
                raise
            return False
        try:
            if data is not None:
                return self._system.read(descriptor, content.size + 1) == data
            return self.integrity.is_whole(path, descriptor, content.data_hash, content.size)
        except OSError as error:
            if not hash_cache.is_lost(error):
                raise
            return False
        finally:
            os.close(descriptor)

    def _status(self, content: Content) -> os.stat_result | None:
        self._refuse_link(content.data_hash[:2])
        try:
            status = os.lstat(self.path(content))
        except FileNotFoundError:
            return None
        return status if stat.S_ISREG(status.st_mode) and status.st_size == content.size else None

    def path(self, content: Content) -> str:
        """Where the content is, or would be."""
        suffix = ".x" if content.executable else ""
        return f"{self._folder}/{content.data_hash[:2]}/{content.data_hash[2:]}{suffix}"

    def add(self, content: Content, data: bytes) -> None:
        """Store the data, whose hash was taken; nothing is written when they are there already."""
        if os.access(self.path(content), os.F_OK) and self.claim(content, data):
            return
        with self.receive(executable=content.executable) as (temporary, descriptor):
            write_all(descriptor, data, self._system)
            self.adopt(temporary, descriptor, content)

    def add_at(self, content: Content, data: bytes, place: str) -> None:
        """Store the data likewise, and make `place` the content: a path of this process alone, where nothing is."""
        if os.access(self.path(content), os.F_OK) and self.claim(content, data):
            return self.link(content, place)
        descriptor = self._system.open(place, CREATE, _mode(content.executable))
        is_stored = False
        try:
            write_all(descriptor, data, self._system)
            is_stored = self.adopt(place, descriptor, content)
        finally:
            os.close(descriptor)
            if not is_stored:
                with suppress(OSError):
                    self._system.unlink(place)
        return None if is_stored else self.link(content, place)

    def receive(self, *, executable: bool) -> AbstractContextManager[tuple[str, int]]:
        """A new file for content, its path and an open descriptor; it is removed afterwards unless it was moved or linked."""
        return temporary_file(self._new_name(), self._system, mode=_mode(executable))

    def adopt(self, temporary: str, descriptor: int, content: Content) -> bool:
        """Give a received file the name of its content, at once; another of the same content stands.

        Returns whether the file has both names now.
        It is not replaced, since a file cannot be linked to in the moment it is replaced, and since the trees of runs
        link to it: one that is damaged is written over.
        """
        if self.durable:
            self._system.fsync(descriptor)
        folder = self._folders.make((content.data_hash[:2],))
        has_both = False
        try:
            self._system.link(temporary, self.path(content))
            has_both = True
        except FileExistsError:
            if not self.claim(content):
                self._heal(temporary, descriptor, content)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            self._system.replace(temporary, self.path(content))
        if self.durable:
            sync_folder(folder, self._system)
        return has_both

    def _heal(self, temporary: str, descriptor: int, content: Content) -> None:
        """Write the received content over a damaged one; where that cannot be, it takes its place."""
        path = self.path(content)
        with suppress(OSError):
            hash_cache.rewrite(path, descriptor, content.size, self._system, durable=self.durable)
            if self._is_whole(content, None):
                return
        self._system.replace(temporary, path)

    def link(self, content: Content, destination: str) -> None:
        """Make `destination`, a place within the catalog, the content; a file there is replaced atomically.

        A hard link where the file system has them, else a copy.
        """
        source = self.path(content)
        try:
            with self.integrity.one_more_name(source, content.size):
                self._system.link(source, destination)
        except FileExistsError:
            if not os.path.samestat(os.lstat(source), os.lstat(destination)):
                self._replace(content, destination)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            self._replace(content, destination)
        if self.durable:
            sync_folder(destination.rpartition("/")[0], self._system)

    def move(self, place: str, destination: str) -> None:
        """Give a file of this process the name `destination`, a place within the catalog; a file there is replaced."""
        self._rename(place, destination)

    def new_place(self) -> str:
        """A path in the store that no other process gets; what is left there for a day is removed."""
        return self._new_name()

    def open(self, content: Content) -> int:
        """A descriptor to read the content from. OSError when it is not there, or is not a file."""
        self._refuse_link(content.data_hash[:2])
        path = self.path(content)
        aside = f"{self._folder}/tmp/{ASIDE}{content.data_hash[:2]}{path.rpartition('/')[2]}"  # noqa: S108 - of the store
        for place in (path, aside):
            with suppress(FileNotFoundError):
                return self._system.open(place, READ, 0)
        return self._system.open(path, READ, 0)  # it may just have been put back

    def open_whole(self, content: Content) -> BinaryIO | None:
        """The content, to be read, after it was hashed; None when it is damaged, OSError when it is not there."""
        descriptor = self.open(content)
        try:
            if content.size <= copying.BLOCK_BYTES:
                data = self.integrity.small(descriptor, content.data_hash, content.size)
                return None if data is None else io.BytesIO(data)
            if not self.integrity.is_whole(self.path(content), descriptor, content.data_hash, content.size):
                return None
            os.lseek(descriptor, 0, os.SEEK_SET)
            return open(os.dup(descriptor), "rb", buffering=copying.BLOCK_BYTES)
        finally:
            os.close(descriptor)

    def _refuse_link(self, name: str) -> None:
        """CatalogError when a folder of the store is a link, which could lead out of the store."""
        if name in self._no_links:
            return
        folder = f"{self._folder}/{name}"
        if Path(folder).is_symlink():
            raise CatalogError(f"{folder!r} is a link, which the catalog does not follow", fix="remove it")
        self._no_links.add(name)

    def _replace(self, content: Content, destination: str) -> None:
        temporary = self._new_name()
        try:
            if self._has_linked(content, temporary):
                self._rename(temporary, destination)
            else:
                self._replace_by_copy(content, destination)
        finally:
            with suppress(OSError):
                self._system.unlink(temporary)

    def _has_linked(self, content: Content, temporary: str) -> bool:
        """Link to the content; False where the file system cannot."""
        try:
            self._system.link(self.path(content), temporary)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            return False
        return True

    def _replace_by_copy(self, content: Content, destination: str) -> None:
        source = self.open(content)
        try:
            with self.receive(executable=content.executable) as (temporary, target):
                copying.copy(source, target, self._system)
                if self.durable:
                    self._system.fsync(target)
                self._rename(temporary, destination)
        finally:
            os.close(source)

    def _rename(self, temporary: str, destination: str) -> None:
        try:
            self._system.replace(temporary, destination)
        except IsADirectoryError:
            self._remove_folder(destination)
            self._system.replace(temporary, destination)

    def _remove_folder(self, folder: str) -> None:
        """Move it out of the way at once, and remove it then."""
        from shutil import rmtree  # lazy: it is rare that a file takes the place of a folder

        aside = self._new_name()
        self._system.replace(folder, aside)
        rmtree(aside, ignore_errors=True)

    def _new_name(self) -> str:
        self._folders.make(("tmp",))
        return self._new_names.next()


def _mode(executable: bool) -> int:  # noqa: FBT001 - it is the fact that the mode says
    return 0o555 if executable else 0o444
