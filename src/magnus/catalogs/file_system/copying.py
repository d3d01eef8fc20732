"""Copies and hashes content in blocks, large content in two threads. Memory does not grow with the size."""

import errno
import hashlib
import io
from typing import TYPE_CHECKING, Any, Final

from magnus.system.atomic_files import write_all
from magnus.system.system_calls import SystemCalls

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

BLOCK_BYTES: Final = 1024 * 1024
"""Files up to this size are read in one piece, larger ones in pieces of it."""
_BLOCKS: Final = 4
_RANGE_BYTES: Final = 1 << 30
_NOT_POSSIBLE: Final = frozenset(
    {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTTY, errno.EPERM, errno.EBADF}
)
"""How file systems say that they cannot share or copy content by themselves."""


def sha256(data: bytes) -> str:
    """The SHA-256 in hex."""
    return hashlib.sha256(data, usedforsecurity=False).hexdigest()


def copy(source: int, target: int, system: SystemCalls) -> None:
    """Copy the whole of `source`, from its place on, to the empty file `target`; blocks are shared where possible."""
    if _cloned(source, target, system) or _copied_by_kernel(source, target, system):
        return
    buffer = memoryview(bytearray(BLOCK_BYTES))
    while length := system.read_into(source, [buffer]):
        write_all(target, buffer[:length], system)


def copy_hashing(source: int, target: int, system: SystemCalls) -> tuple[str, int]:
    """Copy likewise; returns the SHA-256 (hex) and the size of the copied content. `target` is open for reading too."""
    if _cloned(source, target, system):
        return hash_of(target, system)
    return _hash_while_writing(source, target, system)


def hash_of(source: int, system: SystemCalls) -> tuple[str, int]:
    """The SHA-256 (hex) and the size of `source` from its place on."""
    return _hash_while_writing(source, None, system)


def _cloned(source: int, target: int, system: SystemCalls) -> bool:
    try:
        system.clone(target, source)
    except OSError as error:
        if error.errno not in _NOT_POSSIBLE:
            raise
        return False
    return True


def _copied_by_kernel(source: int, target: int, system: SystemCalls) -> bool:
    copied = 0
    try:
        while length := system.copy_range(source, target, _RANGE_BYTES):
            copied += length
    except OSError as error:
        if copied or error.errno not in _NOT_POSSIBLE:
            raise
    return copied > 0


def _hash_while_writing(source: int, target: int | None, system: SystemCalls) -> tuple[str, int]:
    """The SHA-256 (hex) and the size of `source` from its place on, which is written to `target`, if there is one."""
    import threading  # lazy: only large files are copied by two threads

    transfer = _Transfer(source, target, system)
    thread = threading.Thread(target=transfer.run, name="magnus-catalog")
    thread.start()
    digest, size = hashlib.sha256(usedforsecurity=False), 0
    try:
        while (block := transfer.filled.get()) is not None:
            digest.update(block)
            size += len(block)
            transfer.hashed()
    finally:
        transfer.stop()
        thread.join()
    if transfer.error is not None:
        raise transfer.error
    return digest.hexdigest(), size


class _Transfer:
    """The reading and writing thread. A block is used again when it was hashed; it was written by then."""

    def __init__(self, source: int, target: int | None, system: SystemCalls) -> None:
        from queue import SimpleQueue  # lazy: as above
        from threading import Semaphore  # lazy: as above

        self.source = source
        self.target = target
        self.system = system
        self.error: BaseException | None = None
        self.filled: SimpleQueue[memoryview | None] = SimpleQueue()
        self._free = Semaphore(_BLOCKS)
        self._stopped = False

    def run(self) -> None:
        """Fill blocks, which are to be hashed, until the end of the source, an error, or `stop`."""
        try:
            self._transfer([memoryview(bytearray(BLOCK_BYTES)) for _ in range(_BLOCKS)])
        except BaseException as error:  # noqa: BLE001 - raised again in the thread of the caller
            self.error = error
        finally:
            self.filled.put(None)

    def hashed(self) -> None:
        """The block that was filled first is free again; blocks are used in turn."""
        self._free.release()

    def stop(self) -> None:
        """End the thread: nothing more is hashed, and it waits for no free block."""
        self._stopped = True
        self._free.release()

    def _transfer(self, blocks: list[memoryview]) -> None:
        turn = 0
        while self._free.acquire() and not self._stopped:
            block = blocks[turn % _BLOCKS]
            length = self.system.read_into(self.source, [block])
            if not length:
                return
            self.filled.put(block[:length])
            if self.target is not None:
                write_all(self.target, block[:length], self.system)
            turn += 1


class HashingFile(io.RawIOBase):
    """A file to write to that has the SHA-256 and the size of the content written so far."""

    def __init__(self, descriptor: int, system: SystemCalls) -> None:
        self._descriptor = descriptor
        self._system = system
        self._digest = hashlib.sha256(usedforsecurity=False)
        self._threads: ThreadPoolExecutor | None = None
        self.size = 0

    def writable(self) -> bool:
        """It can be written to."""
        return True

    def write(self, data: Any) -> int:
        """Write all of the data, any buffer."""
        block = memoryview(data).cast("B")
        if len(block) < BLOCK_BYTES:
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
        """End the thread that hashes; the descriptor belongs to the caller."""
        if self._threads is not None:
            self._threads.shutdown()
        super().close()

    def data_hash(self) -> str:
        """The SHA-256 (hex) of the content written so far."""
        return self._digest.hexdigest()

    def _helper(self) -> "ThreadPoolExecutor":
        from concurrent.futures import ThreadPoolExecutor  # lazy: only large objects need it

        if self._threads is None:
            self._threads = ThreadPoolExecutor(1, thread_name_prefix="magnus-catalog")
        return self._threads
