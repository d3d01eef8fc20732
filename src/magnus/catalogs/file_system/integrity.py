"""Tells whether stored content has its hash, and overwrites damaged content with good content.

Content that was read is remembered in the cache of hashes, as files of the user are, when it is large: no change keeps
the size, the times and the inode of a file that had been left alone for two seconds.
"""

import errno
import os
import stat
from pathlib import Path
from typing import Final

from magnus.catalogs.file_system.copying import BLOCK_BYTES, hash_of, sha256
from magnus.catalogs.file_system.hash_cache import HashCache
from magnus.system.atomic_files import write_all
from magnus.system.system_calls import SystemCalls

_REWRITE: Final = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_LOST: Final = frozenset({errno.EIO, errno.EACCES, errno.ENODATA, errno.EUCLEAN})
"""The errors by which file systems report that the content of a file is lost."""


class Integrity:
    """Reads stored content again; any number of threads may."""

    def __init__(self, hashes: HashCache, system: SystemCalls) -> None:
        self._hashes = hashes
        self._system = system

    def small(self, descriptor: int, data_hash: str, size: int) -> bytes | None:
        """The content of a file of at most BLOCK_BYTES, read in one piece; None when it has another hash."""
        data = self._system.read(descriptor, size + 1)
        return data if len(data) == size and sha256(data) == data_hash else None

    def is_whole(self, path: str, descriptor: int, data_hash: str, size: int) -> bool:
        """Whether the open file holds the content. It is read to its end, unless it is remembered."""
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            return False
        try:
            if size <= BLOCK_BYTES:
                return self.small(descriptor, data_hash, size) is not None
            return self._hashes.find(path, status) == data_hash or self._hashes_to(path, descriptor, status, data_hash)
        except OSError as error:
            if error.errno not in _LOST:
                raise
            return False

    def _hashes_to(self, path: str, descriptor: int, status: os.stat_result, data_hash: str) -> bool:
        read_at = self._system.now()
        if hash_of(descriptor, self._system)[0] != data_hash:
            return False
        self._hashes.remember(path, status, data_hash, read_at=read_at)
        return True


def is_lost(error: OSError) -> bool:
    """Whether the error says that the content cannot be read any more."""
    return error.errno in _LOST


def rewrite(path: str, source: int, size: int, system: SystemCalls, *, durable: bool) -> None:
    """Write `source`, an open file of `size` bytes, over the damaged file at the path. OSError when that fails.

    The file stays the same one, so that all links to it hold the content again. Nothing trusts a file that is written
    over in part, as it is damaged still; of several processes that do this at a time each writes the same.
    """
    mode = stat.S_IMODE(os.lstat(path).st_mode)
    Path(path).chmod(mode | 0o200)
    target = system.open(path, _REWRITE, 0)
    try:
        os.lseek(source, 0, os.SEEK_SET)
        buffer = memoryview(bytearray(min(BLOCK_BYTES, size) or 1))
        while length := system.read_into(source, [buffer]):
            write_all(target, buffer[:length], system)
        os.ftruncate(target, size)
        os.fchmod(target, mode & ~0o222)
        if durable:
            system.fsync(target)
    finally:
        os.close(target)
