"""The `file-system` catalog: content stored once, by its SHA-256, and a tree of links to it for every run.

`<location>/.store` holds the content, read-only; `<location>/<run id>` looks like the project, with the files of
branches below `.branches` and the captured output of steps below `.logs`. Links are made inside the catalog alone:
between the working tree and the catalog content is copied, so that no later write can change history.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO, Final

from pydantic import BaseModel, ConfigDict

from magnus.errors import CatalogError
from magnus.graph.path import BranchPath, StepPath, print_parts
from magnus.interfaces.capabilities import Reach, ServiceCapabilities
from magnus.run_log.records import CatalogRecord

_CHUNK_BYTES: Final = 1 << 20
_READ_ONLY: Final = 0o444
_WRITABLE: Final = 0o644
_LONGEST_NAME_BYTES: Final = 240
_TRIES: Final = 2
"""A file that changes while it is read is read once more."""


class FileSystemCatalogOptions(BaseModel):
    """Where the catalog is, which folder globs are relative to, and whether a `put` must match something."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    catalog_location: str = ".catalog"
    compute_data_folder: str = ""
    strict: bool = False


class FileSystemCatalog:
    """Keeps files in a folder."""

    options = FileSystemCatalogOptions
    capabilities = ServiceCapabilities(Reach.HOST)

    def __init__(self, options: FileSystemCatalogOptions, working_directory: Path) -> None:
        self._written = options.catalog_location
        self._location = working_directory / options.catalog_location
        self._store = self._location / ".store"
        self.compute_data_folder = options.compute_data_folder
        self.strict = options.strict

    @property
    def location(self) -> Path:
        """The folder of the catalog."""
        return self._location

    def put(
        self,
        run_id: str,
        branch: BranchPath,
        folder: Path,
        names: Sequence[str],
        *,
        unchanged: Mapping[str, str],
        store_copy: bool = True,
    ) -> tuple[CatalogRecord, ...]:
        """Keep the files; see the interface."""
        entries = []
        for name in names:
            with _told(f"'{name}' could not be put"):
                _check_name(name)
                digest, size = self._keep(folder / name, store_copy=store_copy)
                if unchanged.get(name) == digest:
                    continue
                tree = _tree(run_id, branch)
                if store_copy:
                    self._link(self._content(digest), self._location / tree / name)
                kept = str(tree / name) if store_copy else ""
                entries.append(CatalogRecord(name, digest, kept, self._written, "put", size))
        return tuple(entries)

    def get(
        self, run_id: str, branch: BranchPath, entries: Sequence[CatalogRecord], folder: Path
    ) -> tuple[CatalogRecord, ...]:
        """Bring the content; see the interface."""
        del run_id, branch  # content is content, whoever put it
        for entry in entries:
            with _told(f"'{entry.name}' could not be got"):
                _check_name(entry.name)
                self._bring(entry, folder)
        return tuple(replace(entry, stage="get") for entry in entries)

    def open_log(self, run_id: str, path: StepPath) -> BinaryIO:
        """The captured output of the step."""
        name = print_parts((str(path),))
        if len(name) > _LONGEST_NAME_BYTES:
            name = f"{name[: _LONGEST_NAME_BYTES - 70]}-{hashlib.sha256(name.encode()).hexdigest()}"
        file = self._location / run_id / ".logs" / f"{name}.log"
        with _told(f"the output of '{path}' could not be kept"):
            file.parent.mkdir(parents=True, exist_ok=True)
            return file.open("ab")

    def _content(self, digest: str) -> Path:
        return self._store / digest[:2] / digest

    def _keep(self, file: Path, *, store_copy: bool) -> tuple[str, int]:
        """Store the content of the file; its SHA-256 and its size in bytes."""
        for _ in range(_TRIES):
            with file.open("rb") as source:
                before = os.fstat(source.fileno())
                if not S_ISREG(before.st_mode):
                    raise CatalogError(f"'{file}' is no regular file; put files and folders only")
                digest, size = self._copied(source) if store_copy else _hashed(source)
                if _looks(os.fstat(source.fileno())) == _looks(before) and size == before.st_size:
                    return digest, size
        raise CatalogError(f"'{file}' changes while it is read; put it when it is complete")

    def _copied(self, source: BinaryIO) -> tuple[str, int]:
        """Copy into the store while hashing; content that is there already is kept, the copy is dropped."""
        temporary = self._temporary()
        try:
            with temporary.open("xb") as target:
                digest, size = _hashed(source, target)
            temporary.chmod(_READ_ONLY)
            content = self._content(digest)
            if not content.exists():
                content.parent.mkdir(parents=True, exist_ok=True)
                temporary.rename(content)
        finally:
            temporary.unlink(missing_ok=True)
        return digest, size

    def _temporary(self) -> Path:
        folder = self._store / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{os.getpid()}-{os.urandom(8).hex()}"

    def _link(self, content: Path, name: Path) -> None:
        """Make `name` the content, atomically; by a copy where the file system knows no hard links."""
        name.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._temporary()
        try:
            try:
                temporary.hardlink_to(content)
            except OSError:
                with content.open("rb") as source, temporary.open("xb") as target:
                    _hashed(source, target)
                temporary.chmod(_READ_ONLY)
            temporary.replace(name)
        finally:
            temporary.unlink(missing_ok=True)

    def _bring(self, entry: CatalogRecord, folder: Path) -> None:
        target = folder / entry.name
        if not (folder / entry.name).parent.resolve().is_relative_to(folder.resolve()):
            raise CatalogError(f"'{entry.name}' leads out of the folder '{folder}' through a link")
        if _has_content(target, entry):
            return
        content = self._content(entry.data_hash)
        if not content.exists():
            reason = (
                "only its hash was recorded" if not entry.catalog_relative_path else "its content is not in the catalog"
            )
            raise CatalogError(f"'{entry.name}' cannot be brought back: {reason}")
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{os.getpid()}-{os.urandom(8).hex()}.part")
        try:
            with content.open("rb") as source, temporary.open("xb") as file:
                digest, _ = _hashed(source, file)
            if digest != entry.data_hash:
                raise CatalogError(f"the stored content of '{entry.name}' is damaged: its hash is {digest}")
            temporary.chmod(_WRITABLE)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


def _tree(run_id: str, branch: BranchPath) -> Path:
    return Path(run_id, ".branches", print_parts((str(branch),))) if branch.parts else Path(run_id)


def _check_name(name: str) -> None:
    parts = name.split("/")
    if name.startswith("/") or not all(parts) or {".", ".."} & set(parts):
        raise CatalogError(f"'{name}' is no name of a file below a folder")


def _looks(stat: os.stat_result) -> tuple[int, ...]:
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def _has_content(file: Path, entry: CatalogRecord) -> bool:
    try:
        if file.stat().st_size != entry.size or file.is_symlink():
            return False
        with file.open("rb") as source:
            return _hashed(source)[0] == entry.data_hash
    except OSError:
        return False


def _hashed(source: BinaryIO, target: BinaryIO | None = None) -> tuple[str, int]:
    """Read to the end, into `target` where there is one; the SHA-256 and the number of bytes."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
        if target is not None:
            target.write(chunk)
    return digest.hexdigest(), size


@contextmanager
def _told(what: str) -> Iterator[None]:
    """What the operating system refuses becomes an error of the catalog that says what was tried."""
    try:
        yield
    except OSError as error:
        where = f" ('{error.filename}')" if error.filename else ""
        raise CatalogError(f"{what}: {error.strerror or error}{where}") from error
