"""Which folders of this machine a container gets: each at the path it has here, so that nothing has to be translated."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from magnus.errors import TaskFailed
from magnus.system.atomic_files import make_own_folder


class Folder(Struct, frozen=True):
    """A folder, or a file, that a container finds at the same path, or at `inside` where that is given."""

    path: Path
    is_read_only: bool = False
    inside: Path | None = None


def mounts(written: Iterable[Path], read: Iterable[Path]) -> list[Folder]:
    """The folders to mount, the outer ones first; missing folders that are written are made.

    A path through symbolic links is mounted where they lead to as well. TaskFailed where a folder cannot be mounted or
    made.
    """
    written_folders = [*_real(written)]
    for folder in written_folders:
        _make(folder)
    existing = [path for path in _real(read) if path.exists()]
    return _outermost(
        [Folder(path) for path in written_folders] + [Folder(path, is_read_only=True) for path in existing]
    )


def _real(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        yield path
        if path.resolve() != path:
            yield path.resolve()


def _make(folder: Path) -> None:
    if folder == Path(folder.anchor):
        raise TaskFailed("the root of the file system cannot be mounted into a container: work in a folder of its own")
    try:
        if not folder.exists():
            make_own_folder(folder)
    except OSError as error:
        raise TaskFailed(f"the folder '{folder}' cannot be made: {error.strerror}") from error


def _outermost(folders: Sequence[Folder]) -> list[Folder]:
    """The folders that no other folder contains; a read-only folder does not cover a writable one in it."""
    outermost: list[Folder] = []
    for folder in sorted(folders, key=lambda one: (one.is_read_only, len(one.path.parts))):
        if folder.path != Path(folder.path.anchor) and not any(_brings(other, folder) for other in outermost):
            outermost.append(folder)
    return sorted(outermost, key=lambda one: len(one.path.parts))


def _brings(outer: Folder, inner: Folder) -> bool:
    return inner.path.is_relative_to(outer.path) and (inner.is_read_only or not outer.is_read_only)
