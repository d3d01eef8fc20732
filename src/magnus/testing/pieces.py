"""Files in folders, and the pieces of which stored content and runs consist, for contract suites that damage them."""

import os
import stat
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Protocol


def make_folder(folder: Path) -> Path:
    """The folder, which is there now."""
    folder.mkdir(exist_ok=True)
    return folder


def write(folder: Path, files: Mapping[str, bytes]) -> Sequence[str]:
    """Write the files into the folder; their names."""
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return list(files)


def contents(folder: Path) -> dict[str, bytes]:
    """All files below the folder."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def hash_of(folder: Path, name: str) -> str:
    """The SHA-256 of a file in the folder."""
    return sha256((folder / name).read_bytes()).hexdigest()


__all__ = ["FilePiece", "LinePiece", "Piece", "flipped", "lines_of"]


class Piece(Protocol):
    """One record, or one content, where it is kept: a file, a line of one, a row of a table, an object in a bucket."""

    def read(self) -> bytes:
        """Its bytes."""
        ...

    def write(self, content: bytes) -> None:
        """Put other bytes in their place without the knowledge of the store, as a faulty disk does."""
        ...

    def remove(self) -> None:
        """Take it away likewise."""
        ...


class FilePiece:
    """A file; what is written to it keeps its times, its mode and its inode."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> bytes:
        """All of the file."""
        return self.path.read_bytes()

    def write(self, content: bytes) -> None:
        """Replace the bytes of the file."""
        status = self.path.stat() if self.path.exists() else None
        if status is not None:
            self.path.chmod(stat.S_IMODE(status.st_mode) | 0o200)
        self.path.write_bytes(content)
        if status is not None:
            self.path.chmod(stat.S_IMODE(status.st_mode))
            os.utime(self.path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def remove(self) -> None:
        """Remove the file."""
        self.path.unlink()


class LinePiece:
    """A line of a file, counted from 0, without its end."""

    def __init__(self, path: Path, number: int) -> None:
        self.file = FilePiece(path)
        self.number = number

    def read(self) -> bytes:
        """The line."""
        return self.file.read().split(b"\n")[self.number]

    def write(self, content: bytes) -> None:
        """Replace the line."""
        lines = self.file.read().split(b"\n")
        self.file.write(b"\n".join([*lines[: self.number], content, *lines[self.number + 1 :]]))

    def remove(self) -> None:
        """Remove the line and its end."""
        lines = self.file.read().split(b"\n")
        self.file.write(b"\n".join(lines[: self.number] + lines[self.number + 1 :]))


def lines_of(path: Path) -> list[LinePiece]:
    """The lines of a file that are not empty."""
    return [LinePiece(path, number) for number, line in enumerate(path.read_bytes().split(b"\n")) if line]


def flipped(content: bytes, position: int, bits: int = 1) -> bytes:
    """The content with some bits of one byte turned; a negative position counts from the end."""
    at = position % len(content)
    return content[:at] + bytes((content[at] ^ bits,)) + content[at + 1 :]
