"""The content of one file as the file-system catalog stores it, for `get_file`."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from magnus.catalogs.file_system.content_store import Content, ContentStore
from magnus.catalogs.file_system.copying import BLOCK_BYTES, copy_hashing, sha256
from magnus.catalogs.file_system.failures import damaged, failed, not_there
from magnus.catalogs.file_system.folders import parts_of
from magnus.errors import CatalogError, DamagedContent
from magnus.run_log.records import CatalogRecord
from magnus.system.atomic_files import write_all
from magnus.system.system_calls import SystemCalls


class StoredFiles:
    """The files of a store; `location` is the folder of the catalog."""

    def __init__(self, store: ContentStore, location: str, system: SystemCalls) -> None:
        self._store = store
        self._location = location
        self._system = system

    @contextmanager
    def open(self, entry: CatalogRecord) -> "Iterator[_StoredFile]":
        """The stored file of the entry."""
        content = self._stored(entry)
        try:
            source = self._store.open(content)
        except FileNotFoundError:
            raise not_there(entry.name, self._location) from None
        try:
            stored = _StoredFile(entry, content, self._store.path(content), source, self._system)
            stored.refuse_other_size()
            yield stored
        finally:
            os.close(source)

    def is_executable(self, entry: CatalogRecord) -> bool:
        """Whether the stored file of the entry may be executed. CatalogError."""
        try:
            return self._stored(entry).executable
        except OSError as error:
            raise failed("read", entry.name, error) from error

    def _stored(self, entry: CatalogRecord) -> Content:
        """The content as it is stored: to be executed, or not, as it was when it was put."""
        plain, executable = (Content(entry.data_hash, entry.size, x) for x in (False, True))
        if not self._store.holds(executable):
            return plain
        return executable if self._was_executable(entry) or not self._store.holds(plain) else plain

    def _was_executable(self, entry: CatalogRecord) -> bool:
        """Whether the file in the tree of the run may be executed; False when another file was put there since."""
        with suppress(OSError, CatalogError):
            parts = parts_of(entry.catalog_relative_path)
            return bool(os.lstat("/".join((self._location, *parts))).st_mode & 0o100)
        return False


class _StoredFile:
    """One of them, open."""

    def __init__(self, entry: CatalogRecord, content: Content, path: str, source: int, system: SystemCalls) -> None:
        self._entry = entry
        self._path = path
        self._source = source
        self._system = system
        self.executable = content.executable

    def refuse_other_size(self) -> None:
        """DamagedContent when it is no file of the size of the content."""
        status = os.fstat(self._source)
        if not stat.S_ISREG(status.st_mode) or status.st_size != self._entry.size:
            raise self._damaged()

    def copy(self, target: int) -> None:
        """Copy and hash; small content in one piece."""
        if self._entry.size > BLOCK_BYTES:
            hashed = copy_hashing(self._source, target, self._system)
            if hashed != (self._entry.data_hash, self._entry.size):
                raise self._damaged()
            return
        data = self._system.read(self._source, self._entry.size + 1)
        if sha256(data) != self._entry.data_hash:
            raise self._damaged()
        write_all(target, data, self._system)

    def _damaged(self) -> DamagedContent:
        run_id = self._entry.catalog_relative_path.partition("/")[0]
        return damaged(self._entry.name, self._path, self._entry.data_hash, run_id=run_id)
