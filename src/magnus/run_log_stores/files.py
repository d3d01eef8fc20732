"""Files that are there whole or not at all, made of few calls to the operating system that tests can make fail."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from magnus.engine.own_folder import make_own_folder

_TEMPORARY: Final = ".new-"
_PIECES_BYTES: Final = 64 * 1024
_BLOCK_BYTES: Final = 4 * 1024 * 1024
READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
"""Nobody waits for what is no file: a pipe in the place of one is an error when it is read."""
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class SystemCalls(Struct, frozen=True):
    """The calls of the operating system that change files or read records; a test hands in ones that fail."""

    open: Callable[[Path | str, int, int], int] = os.open
    write: Callable[[int, bytes], int] = os.write
    read: Callable[[int, int, int], bytes] = os.pread
    fsync: Callable[[int], None] = os.fsync
    link: Callable[[Path, Path], None] = os.link
    replace: Callable[[Path, Path], None] = os.replace
    unlink: Callable[[Path], None] = os.unlink


REAL: Final = SystemCalls()


def create(file: Path, content: bytes, system: SystemCalls, *, durable: bool = True) -> None:
    """Make the file with this content: for every reader, and after a crash, it is there whole or not at all.

    FileExistsError when it is there already; any other OSError when it cannot be made, and then it is not there.
    It survives a loss of power when `durable`.
    """
    temporary = _write_temporary(file.parent, [content], system, durable=durable)
    try:
        _name(temporary, file, content, system)
    finally:
        with suppress(OSError):
            system.unlink(temporary)
    if not durable:
        return
    try:
        sync_folder(file.parent, system)
    except OSError:
        with suppress(OSError):
            system.unlink(file)
        raise


def replace(file: Path, pieces: Iterable[bytes], system: SystemCalls, *, durable: bool = True) -> None:
    """Put a new file in the place of this one, at once. OSError when that fails; then the old one stands.

    What is in it is on the disk by then when `durable`; see `sync_folder` for its name.
    """
    temporary = _write_temporary(file.parent, pieces, system, durable=durable)
    try:
        system.replace(temporary, file)
    except BaseException:
        with suppress(OSError):
            system.unlink(temporary)
        raise


def blocks(file: Path, system: SystemCalls) -> Iterator[bytes]:
    """What is in the file, in large pieces. OSError when it cannot be read."""
    descriptor = system.open(file, READ, 0)
    try:
        offset = 0
        while block := system.read(descriptor, _BLOCK_BYTES, offset):
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
    """Make the folder of a store likewise; git ignores what is in it."""
    if folder.is_dir():
        return
    make_folder(folder.parent, system)
    make_own_folder(folder)
    sync_folder(folder.parent, system)


def sync_folder(folder: Path, system: SystemCalls) -> None:
    """Make the names in the folder survive a loss of power."""
    descriptor = system.open(folder, os.O_RDONLY, 0)
    try:
        system.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_temporary(folder: Path, pieces: Iterable[bytes], system: SystemCalls, *, durable: bool) -> Path:
    """A new file in the folder that holds the pieces; nothing is left of it when that fails."""
    temporary, descriptor = _open_temporary(folder, system)
    try:
        try:
            for block in _blocks(pieces):
                _write_all(descriptor, block, system)
            if durable:
                system.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        with suppress(OSError):
            system.unlink(temporary)
        raise
    return temporary


def _open_temporary(folder: Path, system: SystemCalls) -> tuple[Path, int]:
    """A new file whose name begins with a dot. What a crash left of an earlier one is passed over."""
    number = 0
    while True:
        temporary = folder / f"{_TEMPORARY}{os.getpid()}-{number}"
        try:
            return temporary, system.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except FileExistsError:
            number += 1


def _name(temporary: Path, file: Path, content: bytes, system: SystemCalls) -> None:
    try:
        system.link(temporary, file)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _create_in_place(file, content, system)


def _create_in_place(file: Path, content: bytes, system: SystemCalls) -> None:
    """For file systems without hard links: exclusive all the same, but a crash can leave an incomplete file."""
    descriptor = system.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        _write_all(descriptor, content, system)
        system.fsync(descriptor)
    except OSError:
        with suppress(OSError):
            system.unlink(file)
        raise
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes, system: SystemCalls) -> None:
    """Write to a file nobody else writes to; a short write is followed by the one that says what is wrong."""
    while content:
        content = content[system.write(descriptor, content) :]


def _blocks(pieces: Iterable[bytes]) -> Iterable[bytes]:
    """The same bytes in fewer, larger pieces."""
    gathered: list[bytes] = []
    size = 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size >= _PIECES_BYTES:
            yield b"".join(gathered)
            gathered.clear()
            size = 0
    yield b"".join(gathered)
