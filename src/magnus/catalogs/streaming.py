"""Putting into the catalog what is only just written, and reading content: each byte goes to the disk once.

Used by the file-system catalog. Small pieces are gathered, large ones are hashed by a second thread while they are written.
"""

import hashlib
import io
import os
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from magnus.catalogs.content_store import Content, ContentStore
from magnus.system.atomic_files import write_all
from magnus.system.system_calls import SystemCalls

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

BUFFER_BYTES: Final = 1024 * 1024


class HashingFile(io.RawIOBase):
    """A file to write to that knows the SHA-256 and the size of what was written."""

    def __init__(self, descriptor: int, system: SystemCalls) -> None:
        self._descriptor = descriptor
        self._system = system
        self._digest = hashlib.sha256(usedforsecurity=False)
        self._threads: ThreadPoolExecutor | None = None
        self.size = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Write all of the data, any buffer."""
        block = memoryview(data).cast("B")
        if len(block) < BUFFER_BYTES:
            self._digest.update(block)
            write_all(self._descriptor, block, self._system)
        else:
            hashed = self._helper().submit(self._digest.update, block)
            try:
                write_all(self._descriptor, block, self._system)
            finally:
                hashed.result()
        self.size += len(block)
        return len(block)

    def close(self) -> None:
        """The descriptor belongs to somebody else."""
        if self._threads is not None:
            self._threads.shutdown()
        super().close()

    def content(self) -> Content:
        """What was written."""
        return Content(self._digest.hexdigest(), self.size)

    def _helper(self) -> "ThreadPoolExecutor":
        from concurrent.futures import ThreadPoolExecutor  # lazy: only large objects need it

        if self._threads is None:
            self._threads = ThreadPoolExecutor(1, thread_name_prefix="magnus-catalog")
        return self._threads


def reader(store: ContentStore, content: Content) -> BinaryIO:
    """The content, to be read, after it was; FileNotFoundError when it is not there, ValueError when it is damaged."""
    descriptor = store.open(content)
    try:
        if content.size <= BUFFER_BYTES:
            data = store.integrity.small(descriptor, content.data_hash, content.size)
            if data is None:
                raise ValueError(content.data_hash)
            return io.BytesIO(data)
        if not store.integrity.is_whole(store.path(content), descriptor, content.data_hash, content.size):
            raise ValueError(content.data_hash)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return open(os.dup(descriptor), "rb", buffering=BUFFER_BYTES)
    finally:
        os.close(descriptor)
