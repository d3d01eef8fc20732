"""Writes files that are there whole or not at all, and makes the folders of magnus they are in, which git ignores."""

import errno
import itertools
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from errno import ENOTDIR
from pathlib import Path
from typing import AnyStr, Final

from magnus.system.system_calls import REAL, AnyPath, Block, SystemCalls

_IGNORE_ALL: Final = b"*\n"
_CREATE_IGNORE_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def make_own_folder(folder: Path | str) -> None:
    """Make the folder and those above it where they are missing. OSError when one cannot be made.

    A new one gets a `.gitignore` for all that is in it; one that is there is left as it is.
    """
    if os.path.isdir(folder):  # noqa: PTH112 - asked often
        return
    try:
        Path(folder).parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR), str(folder)) from error
    try:
        os.mkdir(folder)  # noqa: PTH102 - likewise
    except FileExistsError:
        if not os.path.isdir(folder):  # noqa: PTH112 - made by another process meanwhile
            raise
    else:
        ignore_in_git(folder)


def ignore_in_git(folder: Path | str) -> None:
    """Add a `.gitignore` for all that is in the folder, where there is none; it is a convenience, and may be missing."""
    with suppress(OSError):
        descriptor = os.open(os.path.join(folder, ".gitignore"), _CREATE_IGNORE_FILE, 0o666)  # noqa: PTH118 - likewise
        try:
            os.write(descriptor, _IGNORE_ALL)
        finally:
            os.close(descriptor)


def remove_folder(folder: Path) -> None:
    """Remove the folder with all that is in it, also in read-only folders; files that cannot be removed stay."""
    from shutil import rmtree  # lazy: few steps have a folder

    rmtree(folder, ignore_errors=True)
    if not os.path.lexists(folder):
        return
    with suppress(OSError):
        _make_writable(folder)
    rmtree(folder, ignore_errors=True)


def _make_writable(folder: Path) -> None:
    folder.chmod(0o700)
    for parent, names, _ in os.walk(folder):
        for name in names:
            path = f"{parent}/{name}"
            if not os.path.islink(path):  # noqa: PTH114 - likewise
                os.chmod(path, 0o700)  # noqa: PTH101 - likewise


READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
"""A pipe in the place of a file blocks nobody: it is an error when it is read."""
NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})
"""How file systems say that they have no hard links, or have no more of them for one file."""
_TEMPORARY: Final = ".new-"
CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
"""A new file, to be written and read, where nothing is yet."""
_PIECES_BYTES: Final = 64 * 1024
_WRITE_BYTES: Final = 256 * 1024
"""Some writes of 1 MiB took Linux 6.18 (ext4) three to five times as long as others, at random; smaller ones never did."""
_BLOCK_BYTES: Final = 4 * 1024 * 1024


def create(file: AnyPath, content: bytes, system: SystemCalls = REAL, *, durable: bool = True) -> None:
    """Make the file with this content: for every reader, and after a crash, it is there whole or not at all.

    FileExistsError when it is there already; any other OSError when it cannot be made, and then it is not there.
    It survives a loss of power when `durable`.
    """
    folder = _folder_of(file)
    temporary = _write_temporary(folder, [content], system, durable=durable)
    try:
        _name(temporary, file, content, system)
    finally:
        with suppress(OSError):
            system.unlink(temporary)
    if not durable:
        return
    try:
        sync_folder(folder, system)
    except OSError:
        with suppress(OSError):
            system.unlink(file)
        raise


def replace(file: AnyPath, pieces: Iterable[bytes], system: SystemCalls = REAL, *, durable: bool = True) -> None:
    """Put a new file in the place of this one, at once. OSError when that fails; then the old one stands.

    Its content is on the disk by then when `durable`; see `sync_folder` for its name.
    """
    temporary = _write_temporary(_folder_of(file), pieces, system, durable=durable)
    try:
        system.replace(temporary, file)
    except BaseException:
        with suppress(OSError):
            system.unlink(temporary)
        raise


def write_text(file: Path, text: str) -> None:
    """Write, or replace, a file of text for the user. OSError when that fails; then the old one stands."""
    write_for_user(file, [text.encode()], durable=False)


def write_for_user(file: Path, pieces: Iterable[bytes], *, durable: bool = True) -> None:
    """Write, or replace, a file that the user names; a device or a pipe takes the pieces, and a link stays one.

    OSError when that fails; then the old file stands.
    """
    if not file.exists() or file.is_file():
        replace(file.resolve(), pieces, durable=durable)
        return
    with file.open("wb", buffering=0) as target:
        for piece in pieces:
            write_all(target.fileno(), piece, REAL)


@contextmanager
def temporary_file(
    temporary: str, system: SystemCalls, *, mode: int = 0o666, is_renamed: bool = False
) -> Iterator[tuple[str, int]]:
    """A new file at a path that no other one gets, the path and an open descriptor; the file is gone afterwards.

    With `is_renamed` the caller has renamed it by then, unless there was an error.
    """
    descriptor = system.open(temporary, CREATE, mode)
    stays = False
    try:
        yield temporary, descriptor
        stays = is_renamed
    finally:
        os.close(descriptor)
        if not stays:
            with suppress(OSError):
                system.unlink(temporary)


class NewNames:
    """Paths that no other process gets, for the threads of one process; one that is forked makes its own.

    The paths start with `prefix`, such as a folder and a slash.
    """

    __slots__ = ("_next", "_prefix")

    def __init__(self, prefix: str) -> None:
        self._prefix = f"{prefix}{os.getpid()}-{os.urandom(6).hex()}-"
        self._next = itertools.count()

    def next(self) -> str:
        """A path that was not given out before."""
        return f"{self._prefix}{next(self._next)}"


def new_name(folder: AnyPath) -> str:
    """A path in the folder that no other process and no other call gets."""
    return f"{folder}/{_TEMPORARY}{os.getpid()}-{os.urandom(6).hex()}"


def write_all(target: int, data: Block, system: SystemCalls) -> None:
    """Write all of it, in pieces where it is large; the write after a short one reports the reason."""
    written = system.write(target, data if len(data) <= _WRITE_BYTES else memoryview(data)[:_WRITE_BYTES])
    while written < len(data):
        written += system.write(target, memoryview(data)[written : written + _WRITE_BYTES])


def blocks(file: AnyPath, system: SystemCalls = REAL) -> Iterator[bytes]:
    """The content of the file, in large pieces. OSError when it cannot be read."""
    descriptor = system.open(file, READ, 0)
    try:
        offset = 0
        while block := system.read_at(descriptor, _BLOCK_BYTES, offset):
            yield block
            offset += len(block)
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path, before: float, system: SystemCalls) -> None:
    """Remove the temporary files last written before this time, in seconds since the epoch; OSError when one stays."""
    for file in folder.glob(f"{_TEMPORARY}*"):
        with suppress(FileNotFoundError):
            if file.stat().st_mtime < before:
                system.unlink(file)


def with_status(entries: "Iterable[tuple[str, os.DirEntry[str]]]") -> Iterator[tuple[str, os.stat_result]]:
    """The entries of a folder with their status, of a link to nothing or to itself its own; without those gone by now."""
    for name, entry in entries:
        try:
            yield name, entry.stat()
        except OSError:
            with suppress(FileNotFoundError):
                yield name, entry.stat(follow_symlinks=False)


def make_folder(folder: Path, system: SystemCalls) -> None:
    """Make the folder and those above it where they are missing, durably. OSError when one cannot be made."""
    if folder.is_dir():
        return
    make_folder(folder.parent, system)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent, system)


def make_home(folder: Path, system: SystemCalls) -> None:
    """Make the folder of a store likewise; git ignores everything in it."""
    if folder.is_dir():
        return
    make_folder(folder.parent, system)
    make_own_folder(folder)
    sync_folder(folder.parent, system)


def sync_folder(folder: AnyPath, system: SystemCalls) -> None:
    """Make the names in the folder survive a loss of power."""
    descriptor = system.open(folder, os.O_RDONLY | os.O_CLOEXEC, 0)
    try:
        system.fsync(descriptor)
    finally:
        os.close(descriptor)


def _folder_of(file: AnyPath) -> str:
    return os.path.dirname(file) or "."  # noqa: PTH120 - stores ask for every step


def _write_temporary(folder: str, pieces: Iterable[bytes], system: SystemCalls, *, durable: bool) -> str:
    """A new file in the folder that holds the pieces; nothing is left of it when that fails."""
    temporary = new_name(folder)
    descriptor = system.open(temporary, CREATE, 0o666)
    try:
        try:
            for block in joined(pieces):
                write_all(descriptor, block, system)
            if durable:
                system.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        with suppress(OSError):
            system.unlink(temporary)
        raise
    return temporary


def _name(temporary: str, file: AnyPath, content: bytes, system: SystemCalls) -> None:
    try:
        system.link(temporary, file)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        _create_in_place(file, content, system)


def _create_in_place(file: AnyPath, content: bytes, system: SystemCalls) -> None:
    """For file systems without hard links: exclusive all the same, but a crash can leave an incomplete file."""
    descriptor = system.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        write_all(descriptor, content, system)
        system.fsync(descriptor)
    except OSError:
        with suppress(OSError):
            system.unlink(file)
        raise
    finally:
        os.close(descriptor)


def joined(pieces: Iterable[AnyStr]) -> Iterator[AnyStr]:
    """The same bytes or text in fewer, larger pieces, as each is written by a call of the system."""
    waiting: list[AnyStr] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= _PIECES_BYTES:
            yield piece[:0].join(waiting)
            waiting.clear()
            size = 0
    if waiting:
        yield waiting[0][:0].join(waiting)
