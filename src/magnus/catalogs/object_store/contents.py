"""Content by its SHA-256 in an object store: sent once, and hashed whenever it comes back.

An object of the right name and size may be damaged, so neither says that content is there. Small content is read. Large
content is whole if the object is in the version that this catalog wrote; that version is in an object beside it. Without
it, or in a folder, which knows no versions, the content is read, too.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from tempfile import TemporaryFile
from typing import BinaryIO, Final

from magnus.catalogs.file_system.copying import BLOCK_BYTES, sha256
from magnus.catalogs.file_system.failures import Changed
from magnus.catalogs.object_store import layout
from magnus.object_stores.interface import Cause, ObjectFacts, ObjectStore, ObjectStoreFailure

_UPLOAD_TRIES: Final = 4
_PAUSE_SECONDS: Final = 0.2
"""Before the second try of an upload; it doubles."""
_QUICK_BYTES: Final = 64 * 1024


class Damaged(Exception):
    """The object of a content holds other bytes."""


class Missing(Exception):
    """There is no object of this content."""


class Contents:
    """The contents in one object store. Every method raises ObjectStoreFailure. Any number of threads may use it.

    Args:
        objects: the object store.
        has_versions: whether two writes of an object always differ in its version.
    """

    def __init__(self, objects: ObjectStore, *, has_versions: bool) -> None:
        self._objects = objects
        self._has_versions = has_versions
        self._expects_more = False

    def add(self, data_hash: str, data: bytes) -> None:
        """Store a content in one request, unless it is there and whole.

        Quick content is sent without a look, and the store refuses it if it is there. The contents of one put are mostly
        all new or all there, so after a refusal the store is queried before the next one.
        """
        key = layout.content(data_hash)
        is_queried = self._expects_more or len(data) > _QUICK_BYTES
        standing = self._objects.get(key) if is_queried else None
        if standing is None and self._objects.create(key, data):
            self._expects_more = False
            return
        self._expects_more = True
        if (self._objects.get(key) if standing is None else standing) != data:
            self._objects.put(key, data)

    def add_file(self, data_hash: str, size: int, source: Callable[[], int]) -> None:
        """Store a large content from a file, unless it is there and whole; `source` opens the file.

        Raises Changed when the file has another content; nothing is stored then. Of an upload that fails, the object is
        looked at before another try: it may be there.
        """
        for attempt in range(_UPLOAD_TRIES):
            if self.holds(data_hash, size):
                return
            try:
                self._upload(data_hash, source)
            except ObjectStoreFailure as error:
                if error.cause is not Cause.UNREACHABLE or attempt == _UPLOAD_TRIES - 1:
                    raise
                time.sleep(_PAUSE_SECONDS * 2**attempt)
            else:
                self._write_version(data_hash, self._objects.head(layout.content(data_hash)))
                return

    def holds(self, data_hash: str, size: int) -> bool:
        """Whether the content is there and whole."""
        try:
            self.check(data_hash, size)
        except (Damaged, Missing):
            return False
        return True

    def check(self, data_hash: str, size: int) -> None:
        """Raises Damaged or Missing if the content is not there and whole."""
        if size <= BLOCK_BYTES:
            self.read_small(data_hash)
            return
        facts = self._objects.head(layout.content(data_hash))
        if facts is None:
            raise Missing
        if facts.size != size:
            raise Damaged
        if not self._is_written_by_us(data_hash, facts):
            self.read(data_hash, size)
            self._write_version(data_hash, facts)

    def read_small(self, data_hash: str) -> bytes:
        """The content; raises Damaged or Missing."""
        data = self._objects.get(layout.content(data_hash))
        if data is None:
            raise Missing
        if sha256(data) != data_hash:
            raise Damaged
        return data

    def read(self, data_hash: str, size: int, write: Callable[[memoryview], object] = len) -> None:
        """Give the content to `write` piece by piece; raises Damaged or Missing, though pieces were written then."""
        hashing = _Hashing(size, write)
        if not self._objects.download(layout.content(data_hash), hashing.take):
            raise Missing
        if hashing.data_hash() != data_hash:
            with suppress(ObjectStoreFailure):  # the next put reads the object, and replaces it
                self._objects.delete([layout.version(data_hash)])
            raise Damaged

    def open(self, data_hash: str, size: int) -> BinaryIO:
        """A large content in a file without a name; raises Damaged, Missing or OSError."""
        file = TemporaryFile()  # noqa: SIM115 - the caller closes it
        try:
            self.read(data_hash, size, file.write)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file

    def _upload(self, data_hash: str, source: Callable[[], int]) -> None:
        descriptor = source()
        try:
            self._objects.upload(layout.content(data_hash), _blocks(descriptor, data_hash))
        finally:
            os.close(descriptor)

    def _is_written_by_us(self, data_hash: str, facts: ObjectFacts) -> bool:
        if not self._has_versions or not facts.version:
            return False
        return self._objects.get(layout.version(data_hash)) == facts.version.encode()

    def _write_version(self, data_hash: str, facts: ObjectFacts | None) -> None:
        """Remember the version for later puts; without it they read the content."""
        if self._has_versions and facts is not None and facts.version:
            with suppress(ObjectStoreFailure):
                self._objects.put(layout.version(data_hash), facts.version.encode())


class _Hashing:
    """Takes a content piece by piece, and not more than should be there."""

    def __init__(self, size: int, write: Callable[[memoryview], object]) -> None:
        self._digest = hashlib.sha256(usedforsecurity=False)
        self._left = size
        self._write = write

    def take(self, piece: memoryview) -> None:
        """Hash the piece, and write it unless there is too much by now."""
        self._left -= len(piece)
        self._digest.update(piece)
        if self._left >= 0:
            self._write(piece)

    def data_hash(self) -> str:
        """The SHA-256 of all that was taken."""
        return self._digest.hexdigest()


def _blocks(descriptor: int, data_hash: str) -> Iterator[bytes]:
    """The blocks of a file; raises Changed at its end when it has another hash."""
    digest = hashlib.sha256(usedforsecurity=False)
    while block := os.read(descriptor, BLOCK_BYTES):
        digest.update(block)
        yield block
    if digest.hexdigest() != data_hash:
        raise Changed
