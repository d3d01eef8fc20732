"""The calls of the operating system by which magnus reads and changes files, and the fixes for their errors.

Tests hand in calls that fail.
"""

import errno
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from time import time_ns
from typing import Final, TypeAlias

from msgspec import Struct

Block: TypeAlias = bytes | memoryview
AnyPath: TypeAlias = Path | str

_FICLONE: Final = 0x40049409
"""ioctl of Linux, <linux/fs.h>: the target shares the blocks of the source until one of them is written to."""
_SYNC_FILE_RANGE_WRITE: Final = 2
"""sync_file_range(2): write all pages that are not being written yet."""


def clone(target: int, source: int) -> None:
    """Make the empty file `target` share the content of `source`. OSError where that is not possible."""
    import fcntl  # lazy: small files are not cloned

    fcntl.ioctl(target, _FICLONE, source)


def copy_range(source: int, target: int, length: int, target_offset: int) -> int:
    """Copy within the kernel, from the offset of the source on, which advances. OSError where there is no such call."""
    if not hasattr(os, "copy_file_range"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    return os.copy_file_range(source, target, length, offset_dst=target_offset)


def start_writing(descriptor: int) -> None:
    """Let the system start to write the file to the disk, and do not wait for it; a hint, which does nothing but on Linux."""
    call = _sync_file_range()
    if call is not None:
        call(descriptor, 0, 0, _SYNC_FILE_RANGE_WRITE)


@cache
def _sync_file_range() -> Callable[[int, int, int, int], int] | None:
    """The function of the C library; None where there is none."""
    import ctypes  # lazy: runs with many records alone

    function = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return function


def ignores_case(folder: str) -> bool:
    """Whether the file system takes names that differ by case alone for one name, judged by the folder's own."""
    path = Path(folder)
    other = path.with_name(path.name.swapcase()) if path.name else path
    return other.name != path.name and other.exists() and other.samefile(path)


class SystemCalls(Struct, frozen=True):
    """Descriptors are numbers. `read` continues at the descriptor's offset, `read_at` takes one; `now` is in ns since 1970."""

    open: Callable[[AnyPath, int, int], int] = os.open
    read: Callable[[int, int], bytes] = os.read
    read_into: Callable[[int, list[memoryview]], int] = os.readv
    read_at: Callable[[int, int, int], bytes] = os.pread
    write: Callable[[int, Block], int] = os.write
    clone: Callable[[int, int], None] = clone
    copy_range: Callable[[int, int, int, int], int] = copy_range
    fsync: Callable[[int], None] = os.fsync
    start_writing: Callable[[int], None] = start_writing
    mkdir: Callable[[str], None] = os.mkdir
    link: Callable[[AnyPath, AnyPath], None] = os.link
    replace: Callable[[AnyPath, AnyPath], None] = os.replace
    unlink: Callable[[AnyPath], None] = os.unlink
    touch: Callable[[str], None] = os.utime
    ignores_case: Callable[[str], bool] = ignores_case
    now: Callable[[], int] = time_ns


REAL: Final = SystemCalls()


def what_to_do(number: int | None, *, not_writable: str, in_the_way: str = "") -> str:
    """The fix for an error of this number; "" when there is none.

    `not_writable` is that where something may not be written, `in_the_way` where a file is in the place of a folder.
    """
    match number:
        case errno.ENOSPC | errno.EDQUOT:
            return "free space on that disk"
        case errno.EFBIG:
            return "raise the limit on the size of files (`ulimit -f`)"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return not_writable
        case errno.EEXIST | errno.ENOTDIR:
            return in_the_way
        case errno.EMFILE | errno.ENFILE:
            return "raise the limit on open files (`ulimit -n`)"
        case errno.ENAMETOOLONG:
            return "use a shorter name"
        case _:
            return ""
