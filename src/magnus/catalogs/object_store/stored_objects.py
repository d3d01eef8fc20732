"""The contents of entries as files and to be read, for `get_file`."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from magnus.catalogs.file_system.copying import BLOCK_BYTES
from magnus.catalogs.file_system.failures import failed
from magnus.catalogs.object_store.contents import Contents
from magnus.catalogs.object_store.failures import failing_content
from magnus.object_stores.interface import ObjectStore
from magnus.run_log.records import CatalogRecord
from magnus.system.atomic_files import write_all
from magnus.system.system_calls import SystemCalls

EXECUTABLE: Final = "%x"
"""Stands after the run in the relative path of a file that may be executed; no name of a file becomes it."""
_EXECUTABLE_PATH: Final = re.compile(r"[^/]+/(?:\.branches/[^/]+/)?%x/")


class StoredObjects:
    """The contents of one object store."""

    def __init__(self, objects: ObjectStore, contents: Contents, system: SystemCalls) -> None:
        self._objects = objects
        self._contents = contents
        self._system = system

    @contextmanager
    def open(self, entry: CatalogRecord) -> "Iterator[_StoredObject]":
        """The object of the entry, which is requested when it is copied."""
        yield _StoredObject(entry, self)

    def copy(self, entry: CatalogRecord, target: int) -> None:
        """Write the content to an empty file; CatalogError, DamagedContent when it has another hash."""
        with failing_content(self._objects, entry.name, entry.data_hash, run_of(entry)):
            if entry.size <= BLOCK_BYTES:
                write_all(target, self._contents.read_small(entry.data_hash), self._system)
            else:
                self._contents.read(entry.data_hash, entry.size, lambda piece: write_all(target, piece, self._system))

    def check(self, entry: CatalogRecord) -> None:
        """CatalogError when the content is not there, DamagedContent when it has another hash."""
        with failing_content(self._objects, entry.name, entry.data_hash, run_of(entry)):
            self._contents.check(entry.data_hash, entry.size)

    def open_content(self, name: str, data_hash: str, size: int) -> BinaryIO:
        """The content, to be read; CatalogError when it is not there, DamagedContent when it has another hash."""
        try:
            with failing_content(self._objects, name, data_hash):
                if size <= BLOCK_BYTES:
                    return io.BytesIO(self._contents.read_small(data_hash))
                return self._contents.open(data_hash, size)
        except OSError as error:
            raise failed("read", name, error) from error


class _StoredObject:
    """One of them."""

    def __init__(self, entry: CatalogRecord, stored: StoredObjects) -> None:
        self._entry = entry
        self._stored = stored
        self.executable = is_executable(entry)

    def copy(self, target: int) -> None:
        """Write it to an empty file."""
        self._stored.copy(self._entry, target)


def run_of(entry: CatalogRecord) -> str:
    """The run that put it, as far as its path says so."""
    return entry.catalog_relative_path.partition("/")[0]


def is_executable(entry: CatalogRecord) -> bool:
    """Whether the file could be executed when it was put."""
    return _EXECUTABLE_PATH.match(entry.catalog_relative_path) is not None
