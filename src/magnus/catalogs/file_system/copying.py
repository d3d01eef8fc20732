"""Copies and hashes content in blocks, large content in two threads. Memory does not grow with the size."""

import errno
import hashlib
import io
from collections.abc import Iterable, Iterator
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from magnus.system.atomic_files import write_all
from magnus.system.system_calls import SystemCalls

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

ItemT = TypeVar("ItemT")

BLOCK_BYTES: Final = 1024 * 1024
"""Files up to this size are read in one piece, larger ones in pieces of it."""
_AHEAD: Final = 4
"""So many blocks a thread copies and reads before they are hashed."""
_RANGE_BYTES: Final = 4 * 1024 * 1024
"""The kernel copies pieces of it: few calls, and a copied piece is still in the cache of the processor when it is read."""
_NOT_POSSIBLE: Final = frozenset(
    {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTTY, errno.EPERM, errno.EBADF}
)
"""How file systems say that they cannot share or copy content by themselves."""


def sha256(data: bytes) -> str:
    """The SHA-256 in hex."""
    return hashlib.sha256(data, usedforsecurity=False).hexdigest()


def copy(source: int, target: int, system: SystemCalls) -> None:
    """Copy the whole of `source`, from its place on, to the empty file `target`; blocks are shared where possible."""
    if _cloned(source, target, system) or sum(_copied_by_kernel(source, target, system)) > 0:
        return
    for _ in _blocks(source, target, system):
        pass


def copy_hashing(source: int, target: int, system: SystemCalls) -> tuple[str, int]:
    """Copy likewise; returns the SHA-256 (hex) and the size of the copy. `target` is open for reading too."""
    if _cloned(source, target, system):
        return hash_of(target, system)
    hashed = _hash_ahead(_read_behind(target, _copied_by_kernel(source, target, system), system))
    return hashed if hashed[1] else _hash_ahead(_blocks(source, target, system))


def hash_of(source: int, system: SystemCalls) -> tuple[str, int]:
    """The SHA-256 (hex) and the size of `source` from its place on."""
    return _hash_ahead(_blocks(source, None, system))


def _cloned(source: int, target: int, system: SystemCalls) -> bool:
    try:
        system.clone(target, source)
    except OSError as error:
        if error.errno not in _NOT_POSSIBLE:
            raise
        return False
    return True


def _copied_by_kernel(source: int, target: int, system: SystemCalls) -> Iterator[int]:
    """The lengths of pieces, each of which was copied by then; none where the kernel cannot copy.

    The target keeps its offset.
    """
    copied = 0
    try:
        while length := system.copy_range(source, target, _RANGE_BYTES, copied):
            copied += length
            yield length
    except OSError as error:
        if copied or error.errno not in _NOT_POSSIBLE:
            raise


def _blocks(source: int, target: int | None, system: SystemCalls) -> Iterator[memoryview]:
    """The blocks of `source` from its place on. Each is in memory until _AHEAD more were taken; then it was written, too."""
    for buffer in _buffers():
        length = system.read_into(source, [buffer])
        if not length:
            return
        yield buffer[:length]
        if target is not None:
            write_all(target, buffer[:length], system)


def _read_behind(target: int, lengths: Iterable[int], system: SystemCalls) -> Iterator[memoryview]:
    """The blocks of `target`, which is read as far as it was written; they are in memory likewise.

    The thread that copies reads them too: the thread that hashes has the most to do.
    """
    buffers = _buffers()
    for length in lengths:
        left = length
        while left and (read := system.read_into(target, [(buffer := next(buffers))[:left]])):
            left -= read
            yield buffer[:read]


def _buffers() -> Iterator[memoryview]:
    """Buffers of a block, one after the other for ever; one is used again when _AHEAD more were taken."""
    return cycle([memoryview(bytearray(BLOCK_BYTES)) for _ in range(_AHEAD + 1)])


def _hash_ahead(blocks: Iterator[memoryview]) -> tuple[str, int]:
    with _Ahead(blocks) as ahead:
        return _hash(ahead)


def _hash(blocks: Iterable[memoryview]) -> tuple[str, int]:
    digest, size = hashlib.sha256(usedforsecurity=False), 0
    for block in blocks:
        digest.update(block)
        size += len(block)
    return digest.hexdigest(), size


class _Ahead(Generic[ItemT]):
    """The items of an iterator, which a thread takes from it, at most _AHEAD of them before they are used."""

    def __init__(self, items: Iterator[ItemT]) -> None:
        import threading  # lazy: only large files are copied by two threads
        from queue import SimpleQueue  # lazy: as above

        self._items = items
        self._error: BaseException | None = None
        self._taken: SimpleQueue[ItemT | None] = SimpleQueue()
        self._free = threading.Semaphore(_AHEAD)
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="magnus-catalog")

    def __enter__(self) -> Iterator[ItemT]:
        self._thread.start()
        return self._used()

    def __exit__(self, *error: object) -> None:
        """End the thread; no more items are used, and it waits for nobody."""
        self._stopped = True
        self._free.release()
        self._thread.join()

    def _used(self) -> Iterator[ItemT]:
        while (item := self._taken.get()) is not None:
            yield item
            self._free.release()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            for item in self._items:
                self._taken.put(item)
                self._free.acquire()
                if self._stopped:
                    return
        except BaseException as error:  # noqa: BLE001 - raised again in the thread of the caller
            self._error = error
        finally:
            self._taken.put(None)


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
