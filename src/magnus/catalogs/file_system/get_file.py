"""Gets one file out of the catalog: a file that is in place is left alone, else it is replaced atomically.

Used by catalogs, which do it for many files at a time.
"""

import os
import re
import stat
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol

from magnus.catalogs.file_system.content_store import READ
from magnus.catalogs.file_system.copying import BLOCK_BYTES, hash_of, sha256
from magnus.catalogs.file_system.failures import failed, shown
from magnus.catalogs.file_system.folders import UserFolder
from magnus.catalogs.file_system.hash_cache import HashCache
from magnus.errors import CatalogError
from magnus.run_log.records import CatalogRecord
from magnus.system.atomic_files import NewNames, sync_folder, temporary_file
from magnus.system.system_calls import SystemCalls

_SHA256: Final = re.compile(r"[0-9a-f]{64}\Z")
_TEMPORARY: Final = ".magnus-"
"""The prefix of the names of files that no glob matches."""


class StoredContent(Protocol):
    """Content of the catalog that is about to become a file."""

    executable: bool

    def copy(self, target: int) -> None:
        """Write it to an empty file; DamagedContent when it has another hash; some of it may be written then."""
        ...


class Source(Protocol):
    """Where content comes from."""

    def open(self, entry: CatalogRecord) -> AbstractContextManager[StoredContent]:
        """The content of the entry. CatalogError when it is not there."""
        ...


class FileGetter:
    """Gets files into one folder."""

    def __init__(
        self,
        folder: UserFolder,
        source: Source,
        hashes: HashCache,
        system: SystemCalls,
        *,
        durable: bool,
    ) -> None:
        self._folder = folder
        self._source = source
        self._hashes = hashes
        self._system = system
        self._durable = durable
        self._new_names = NewNames("")

    def get(self, entry: CatalogRecord) -> None:
        """Have the content of the entry at its name. CatalogError when it is not there, or cannot be."""
        if not _SHA256.match(entry.data_hash):
            raise CatalogError(f"the entry of {shown(entry.name)} has no SHA-256 but {shown(entry.data_hash)}")
        try:
            place = self._folder.place(entry.name)
            if not self._is_in_place(entry, place):
                self._write(entry, place)
        except OSError as error:
            raise failed("bring", entry.name, error) from error

    def _is_in_place(self, entry: CatalogRecord, place: str) -> bool:
        """Whether the file is there with this content already. CatalogError when something else is in its place."""
        try:
            status = os.lstat(place)
            if stat.S_ISLNK(status.st_mode):
                place = self._folder.behind_link(entry.name, place)
                status = os.lstat(place)
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe, a socket or a device"
            raise CatalogError(f"the catalog cannot bring {shown(entry.name)}: {kind} is in its place")
        if status.st_size != entry.size:
            return False
        remembered_hash = self._hashes.find(place, status)
        return remembered_hash == entry.data_hash if remembered_hash else self._holds(entry, place)

    def _holds(self, entry: CatalogRecord, place: str) -> bool:
        """Whether the file at the place has the content, by reading it."""
        descriptor = self._system.open(place, READ, 0)
        try:
            status = os.fstat(descriptor)
            read_at = self._system.now()
            same = self._same(entry, descriptor)
        finally:
            os.close(descriptor)
        if same:
            self._hashes.remember(place, status, entry.data_hash, read_at=read_at)
        return same

    def _same(self, entry: CatalogRecord, descriptor: int) -> bool:
        if entry.size <= BLOCK_BYTES:
            return sha256(self._system.read(descriptor, entry.size + 1)) == entry.data_hash
        return hash_of(descriptor, self._system)[0] == entry.data_hash

    def _write(self, entry: CatalogRecord, place: str) -> None:
        if not entry.catalog_relative_path:
            raise CatalogError(
                f"the content of {shown(entry.name)} was not kept (`store_copy: false`), and it is not in place",
                fix="run the step that makes it again, or put it with `store_copy: true`",
            )
        with self._source.open(entry) as stored:
            self._replace(stored, place)

    def _replace(self, stored: StoredContent, place: str) -> None:
        """Copy to a temporary name while hashing, and rename only content that has the hash: no good file gets lost."""
        folder = place.rpartition("/")[0]
        if not os.path.isdir(folder):
            Path(folder).mkdir(parents=True, exist_ok=True)
        mode = 0o777 if stored.executable else 0o666
        new_name = f"{folder}/{_TEMPORARY}{self._new_names.next()}"
        with temporary_file(new_name, self._system, mode=mode, is_renamed=True) as (temporary, target):
            stored.copy(target)
            if self._durable:
                self._system.fsync(target)
            self._system.replace(temporary, place)
        if self._durable:
            sync_folder(folder, self._system)
