"""Hashing a large file while it is copied: one thread reads and writes, the calling one hashes. Used by `copying`."""

import hashlib
from typing import Final

from magnus.system.atomic_files import write_all
from magnus.system.system_calls import SystemCalls

BLOCK_BYTES: Final = 1024 * 1024
"""Files up to this size are read in one piece, larger ones in pieces of it."""
_BLOCKS: Final = 4


def hash_while_writing(source: int, target: int | None, system: SystemCalls) -> tuple[str, int]:
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
        """Nothing more is hashed; what waits for a free block ends."""
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
