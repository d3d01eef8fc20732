"""Hashes of files: remembered so that an unchanged file is not read again, and compared with stored content.

The file system's description of a file is trusted only while nothing in it has changed, and only if the file had been
left alone for two seconds when it was hashed: a later write could carry the same time. The rest is good for a guess. On
disk, the files of a folder of shards hold lines with a checksum, appended in one write; a damaged line, or a damaged
file, is as good as none. Large content is remembered as files of the user are; damaged content is overwritten with good
content.
"""

import errno
import json
import os
import stat
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from magnus.catalogs.file_system.copying import BLOCK_BYTES, hash_of, sha256
from magnus.system.atomic_files import make_own_folder, new_name, temporary_file, write_all
from magnus.system.system_calls import SystemCalls

_SHARDS: Final = 64
_LARGEST_SHARD_BYTES: Final = 512 * 1024
_LEFT_ALONE_NS: Final = 2_000_000_000
_FIELDS: Final = 7
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class _Entry(Struct, frozen=True):
    """The hash of a file and its status then; times in nanoseconds."""

    data_hash: str
    size: int
    mtime: int
    ctime: int
    inode: int
    trusted: bool

    def fits(self, status: os.stat_result) -> bool:
        return (
            self.size == status.st_size
            and self.mtime == status.st_mtime_ns
            and self.ctime == status.st_ctime_ns
            and self.inode == status.st_ino
        )


class HashCache:
    """Hashes of files by path, for any number of threads. It never fails: at worst it is empty."""

    def __init__(self, folder: str, system: SystemCalls, *, home: str = "") -> None:
        self._folder = folder
        self._home = home
        self._system = system
        self._shards: dict[int, dict[str, _Entry]] = {}
        self._unsaved: dict[int, dict[str, _Entry]] = {}
        self._lock = threading.Lock()

    def find(self, path: str, status: os.stat_result) -> str:
        """The SHA-256 of the file, whose status is given; "" when it may have changed."""
        entry = self._entry(path)
        return entry.data_hash if entry is not None and entry.trusted and entry.fits(status) else ""

    def guess(self, path: str, size: int) -> str:
        """The SHA-256 the file had when it was last hashed and had this size; "" when there was none."""
        entry = self._entry(path)
        return entry.data_hash if entry is not None and entry.size == size else ""

    def remember(self, path: str, status: os.stat_result, data_hash: str, *, read_at: int) -> None:
        """Keep the hash of a file; its status is from before and `read_at` (ns) from before it was read."""
        changed_at = max(status.st_mtime_ns, status.st_ctime_ns)
        trusted = read_at - changed_at >= _LEFT_ALONE_NS
        if not trusted and status.st_size <= BLOCK_BYTES:
            return  # reading it again costs less than a guess saves
        size, mtime, ctime, inode = status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
        entry = _Entry(data_hash, size, mtime, ctime, inode, trusted)
        number = _shard(path)
        with self._lock:
            self._loaded(number)[path] = entry
            self._unsaved.setdefault(number, {})[path] = entry

    def carry(self, path: str, before: os.stat_result, after: os.stat_result) -> None:
        """Keep the hash of a file that got one more name, which changes the time of its status and nothing else."""
        is_same = after.st_ino == before.st_ino and after.st_size == before.st_size
        if not is_same or after.st_mtime_ns != before.st_mtime_ns or after.st_nlink != before.st_nlink + 1:
            return
        number = _shard(path)
        with self._lock:
            entry = self._loaded(number).get(path)
            if entry is not None and entry.trusted and entry.fits(before):
                entry = replace(entry, ctime=after.st_ctime_ns)
                self._shards[number][path] = entry
                self._unsaved.setdefault(number, {})[path] = entry

    def save(self) -> None:
        """Write new entries to disk, for other and later processes; if that fails, they hash again."""
        with self._lock:
            unsaved, self._unsaved = self._unsaved, {}
            if unsaved:
                with suppress(OSError):
                    self._make_folder()
            for number, new in unsaved.items():
                with suppress(OSError):
                    self._append(number, new)

    def _entry(self, path: str) -> _Entry | None:
        with self._lock:
            return self._loaded(_shard(path)).get(path)

    def _loaded(self, number: int) -> dict[str, _Entry]:
        shard = self._shards.get(number)
        if shard is None:
            shard = self._shards[number] = self._read(self._file(number))
        return shard

    def _read(self, file: str) -> dict[str, _Entry]:
        try:
            descriptor = self._system.open(file, _READ, 0)
        except OSError:
            return {}
        data = b""
        try:
            with suppress(OSError):
                data = self._system.read(descriptor, 2 * _LARGEST_SHARD_BYTES)
        finally:
            os.close(descriptor)
        return dict(filter(None, map(_parsed, data.split(b"\n"))))

    def _make_folder(self) -> None:
        if self._home:
            make_own_folder(self._home)
        Path(self._folder).mkdir(parents=True, exist_ok=True)

    def _append(self, number: int, new: dict[str, _Entry]) -> None:
        file = self._file(number)
        descriptor = self._system.open(file, _APPEND, 0o666)
        try:
            write_all(descriptor, b"\n" + b"".join(map(_printed, new.items())), self._system)
            size = os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        if size > _LARGEST_SHARD_BYTES:
            self._rewrite(number)

    def _rewrite(self, number: int) -> None:
        """Keep the newer half of the entries of this process; files that others add meanwhile are hashed again."""
        shard = self._shards[number]
        for path in list(shard)[: len(shard) // 2]:
            del shard[path]
        file = self._file(number)
        with temporary_file(new_name(self._folder), self._system, is_renamed=True) as (temporary, descriptor):
            write_all(descriptor, b"".join(map(_printed, shard.items())), self._system)
            self._system.replace(temporary, file)

    def _file(self, number: int) -> str:
        return f"{self._folder}/{number:02x}"


def _shard(path: str) -> int:
    return zlib.crc32(path.encode("utf-8", "surrogateescape")) % _SHARDS


def _printed(item: tuple[str, _Entry]) -> bytes:
    path, entry = item
    numbers = f"{entry.size} {entry.mtime} {entry.ctime} {entry.inode} {entry.trusted:d}"
    line = f"{entry.data_hash} {numbers} {json.dumps(path)}".encode()
    return b"%08x %s\n" % (zlib.crc32(line), line)


def _parsed(line: bytes) -> tuple[str, _Entry] | None:
    checksum, _, rest = line.partition(b" ")
    fields = rest.split(b" ", _FIELDS - 1)
    if len(fields) != _FIELDS or checksum != b"%08x" % zlib.crc32(rest):
        return None
    data_hash, size, mtime, ctime, inode, trusted, path = fields
    entry = _Entry(data_hash.decode(), int(size), int(mtime), int(ctime), int(inode), trusted == b"1")
    return json.loads(path), entry


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

    @contextmanager
    def one_more_name(self, path: str, size: int) -> Iterator[None]:
        """Give stored content one more name inside this; it need not be read again for that if it is large."""
        before = _status(path) if size > BLOCK_BYTES else None
        yield
        if before is not None and (after := _status(path)) is not None:
            self._hashes.carry(path, before, after)

    def _hashes_to(self, path: str, descriptor: int, status: os.stat_result, data_hash: str) -> bool:
        read_at = self._system.now()
        if hash_of(descriptor, self._system)[0] != data_hash:
            return False
        self._hashes.remember(path, status, data_hash, read_at=read_at)
        return True


def _status(path: str) -> os.stat_result | None:
    """The status of the file; None if there is none."""
    try:
        return os.lstat(path)
    except OSError:
        return None


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
