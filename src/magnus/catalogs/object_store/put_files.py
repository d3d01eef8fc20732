"""Puts files of a folder: they are hashed, announced, and sent where their content is not there yet."""

import os
from collections.abc import Mapping, Sequence
from typing import Final

from magnus.catalogs.file_system.content_store import READ, Content
from magnus.catalogs.file_system.copying import BLOCK_BYTES, hash_of, sha256
from magnus.catalogs.file_system.failures import Changed, changed, failed
from magnus.catalogs.file_system.folders import UserFolder
from magnus.catalogs.file_system.hash_cache import HashCache
from magnus.catalogs.file_system.put_file import refuse_changed, refuse_special, resolved
from magnus.catalogs.object_store.contents import Contents
from magnus.system.parallel import for_each
from magnus.system.system_calls import SystemCalls

SMALL_AT_A_TIME: Final = 64
"""If the store answers in 20 ms, 5,000 files take 2 s or somewhat more, and their requests one after the other 100 s."""
LARGE_AT_A_TIME: Final = 2
"""Each of them has several requests and some of its parts in memory."""


class FolderFiles:
    """The files of one folder of the user."""

    def __init__(self, folder: UserFolder, hashes: HashCache, system: SystemCalls) -> None:
        self._folder = folder
        self._hashes = hashes
        self._system = system

    def contents(self, names: Sequence[str]) -> list[Content]:
        """The contents of the files, each of which is read unless its hash is remembered; CatalogError."""
        return for_each(self._content, names)

    def send(self, contents: Mapping[str, Content], store: Contents) -> None:
        """Store the contents of files, by name; each once. CatalogError or ObjectStoreFailure."""
        by_hash = {content.data_hash: (name, content) for name, content in contents.items()}
        small = [item for item in by_hash.values() if item[1].size <= BLOCK_BYTES]
        large = [item for item in by_hash.values() if item[1].size > BLOCK_BYTES]
        for_each(lambda item: self._send_small(*item, store), small, threads=SMALL_AT_A_TIME)
        for_each(lambda item: self._send_large(*item, store), large, threads=LARGE_AT_A_TIME)

    def _content(self, name: str) -> Content:
        try:
            path, status = resolved(self._folder, name)
            executable = bool(status.st_mode & 0o100)
            if remembered := self._hashes.find(path, status):
                return Content(remembered, status.st_size, executable)
            try:
                return self._read(name, path)
            except Changed:
                return self._read(name, path)
        except Changed:
            raise changed(name) from None
        except OSError as error:
            raise failed("keep", name, error) from error

    def _read(self, name: str, path: str) -> Content:
        descriptor = self._system.open(path, READ, 0)
        try:
            status = os.fstat(descriptor)
            refuse_special(name, status)
            read_at = self._system.now()
            data_hash, size = self._hashed(descriptor, status.st_size)
            refuse_changed(descriptor, status, size)
        finally:
            os.close(descriptor)
        self._hashes.remember(path, status, data_hash, read_at=read_at)
        return Content(data_hash, size, bool(status.st_mode & 0o100))

    def _hashed(self, descriptor: int, expected: int) -> tuple[str, int]:
        """The SHA-256 and the size of the file; one that should be small is read in one piece."""
        if expected > BLOCK_BYTES:
            return hash_of(descriptor, self._system)
        data = self._system.read(descriptor, expected + 1)
        return sha256(data), len(data)

    def _send_small(self, name: str, content: Content, store: Contents) -> None:
        try:
            descriptor = self._open(name)
            try:
                data = self._system.read(descriptor, content.size + 1)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise failed("keep", name, error) from error
        if sha256(data) != content.data_hash:
            raise changed(name)
        store.add(content.data_hash, data)

    def _send_large(self, name: str, content: Content, store: Contents) -> None:
        try:
            store.add_file(content.data_hash, content.size, lambda: self._open(name))
        except Changed:
            raise changed(name) from None
        except OSError as error:
            raise failed("keep", name, error) from error

    def _open(self, name: str) -> int:
        path, _ = resolved(self._folder, name)
        return self._system.open(path, READ, 0)
