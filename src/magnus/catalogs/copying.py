"""Content from one open file to another, or to its hash, in blocks: memory stays flat whatever the size."""

import errno
import hashlib
from typing import Final

from magnus.catalogs.overlapped import BLOCK_BYTES, hash_while_writing
from magnus.system.atomic_files import write_all
from magnus.system.system_calls import SystemCalls

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
    """Copy likewise, and say the SHA-256 (hex) and the size of just what was copied; `target` can be read too."""
    if _cloned(source, target, system):
        return hash_of(target, system)
    return hash_while_writing(source, target, system)


def hash_of(source: int, system: SystemCalls) -> tuple[str, int]:
    """The SHA-256 (hex) and the size of `source` from its place on."""
    return hash_while_writing(source, None, system)


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
