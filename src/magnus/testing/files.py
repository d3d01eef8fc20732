"""Files in folders, for tests: written from a dict and read back into one."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path


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
