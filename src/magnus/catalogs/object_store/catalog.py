"""The services of the catalog of type `object-store`, each done by a module beside this one; `layout` has the keys.

Content is named by its SHA-256 and stored once. It appears whole or not at all, as the object stores promise, and is
hashed on its way out. Which content a put needs is announced before the content is sent.
"""

import io
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, BinaryIO, ClassVar

from msgspec import Meta
from msgspec.structs import replace

from magnus.catalogs.file_system.content_store import Content
from magnus.catalogs.file_system.copying import BLOCK_BYTES, HashingFile, sha256
from magnus.catalogs.file_system.failures import failed
from magnus.catalogs.file_system.folders import (
    UserFolder,
    branch_folders,
    parts_of,
    refuse_names_of_one_file,
    run_folder,
    tree_parts,
)
from magnus.catalogs.file_system.get_file import FileGetter
from magnus.catalogs.file_system.hash_cache import HashCache
from magnus.catalogs.object_store import layout
from magnus.catalogs.object_store.announcements import Announcements
from magnus.catalogs.object_store.contents import Contents
from magnus.catalogs.object_store.failures import failing
from magnus.catalogs.object_store.layout import ListedFile
from magnus.catalogs.object_store.logs import LogWriter, opened_log
from magnus.catalogs.object_store.put_files import LARGE_AT_A_TIME, SMALL_AT_A_TIME, FolderFiles
from magnus.catalogs.object_store.stored_objects import EXECUTABLE, StoredObjects, is_executable
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.catalog import Collected, Usage
from magnus.object_stores.address import ObjectLocation
from magnus.object_stores.client import ObstoreObjects
from magnus.object_stores.service import ObjectStoreService
from magnus.run_log.records import CatalogRecord
from magnus.system.parallel import for_each
from magnus.system.system_calls import REAL

if TYPE_CHECKING:
    from magnus.catalogs.object_store.maintenance import Maintenance


class ObjectCatalogOptions(ObjectLocation, frozen=True, forbid_unknown_fields=True):
    """Options of the catalog, beside the options that say where objects are.

    Attributes:
        compute_data_folder: the folder that globs of tasks are relative to; the working directory by default.
        strict: whether a `put` without a match fails its step.
        capture_diff: keep with every run what differs from the commit.
        spill_threshold: values of parameters with more bytes of JSON are kept here instead of in the run log; none are
            when it is null.
    """

    compute_data_folder: str = ""
    strict: bool = False
    capture_diff: bool = False
    spill_threshold: Annotated[int, Meta(ge=0)] | None = 256 * 1024


class ObjectStoreCatalog(ObjectStoreService):
    """Files by content in an object store, for any number of threads, processes and machines."""

    called: ClassVar[str] = "catalog"
    options: ClassVar[type[ObjectCatalogOptions]] = ObjectCatalogOptions

    def __init__(
        self, options: ObjectCatalogOptions, working_directory: Path, objects: ObstoreObjects | None = None
    ) -> None:
        self._options = options
        self._working_directory = working_directory
        super().__init__(objects or ObstoreObjects(options))
        self._contents = Contents(self._objects, has_versions=self._objects.address.folder is None)
        self._stored = StoredObjects(self._objects, self._contents, REAL)
        self._announcements = Announcements(self._objects)
        self._hashes = HashCache("", REAL)

    @property
    def compute_data_folder(self) -> str:
        """The option."""
        return self._options.compute_data_folder

    @property
    def strict(self) -> bool:
        """The option."""
        return self._options.strict

    @property
    def capture_diff(self) -> bool:
        """The option."""
        return self._options.capture_diff

    @property
    def spill_threshold(self) -> int | None:
        """The option."""
        return self._options.spill_threshold

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
        """Hash the files, announce them, and send the contents that the store does not have.

        Links are followed where they stay within the folder. That a file may be executed is kept.
        """
        files = FolderFiles(UserFolder(folder), self._hashes, REAL)
        hashed = zip(names, files.contents(names), strict=True)
        contents = {name: content for name, content in hashed if content.data_hash != unchanged.get(name)}
        if store_copy:
            listed = [ListedFile(name, content.data_hash, content.size) for name, content in contents.items()]
            with failing():
                self._announcements.of_files(run_id, branch, listed)
                files.send(contents, self._contents)
        path = _Paths(run_id, branch) if store_copy else None
        return tuple(self._entry(name, content, path) for name, content in contents.items())

    def get(
        self, run_id: str, branch: BranchPath, entries: Sequence[CatalogRecord], folder: Path
    ) -> tuple[CatalogRecord, ...]:
        """Get the content of the entries, whichever run put them; a file that is in place is only hashed."""
        del run_id, branch  # an entry says what its content is, and the content is everybody's
        refuse_names_of_one_file([entry.name for entry in entries], str(folder), REAL)
        getter = FileGetter(UserFolder(folder), self._stored, self._hashes, REAL, durable=False)
        _for_each_entry(getter.get, entries)
        return tuple(replace(entry, stage="get") for entry in entries)

    def adopt(self, run_id: str, branch: BranchPath, entries: Sequence[CatalogRecord]) -> tuple[CatalogRecord, ...]:
        """Announce the content as that of the run, and see that it is there and whole."""
        kept = [entry for entry in entries if entry.catalog_relative_path]
        listed = [ListedFile(entry.name, entry.data_hash, entry.size) for entry in kept]
        with failing():
            self._announcements.of_files(run_id, branch, listed)
        _for_each_entry(self._stored.check, kept)
        path = _Paths(run_id, branch)
        return tuple(self._adopted(entry, path) if entry.catalog_relative_path else entry for entry in entries)

    def put_stream(
        self, run_id: str, branch: BranchPath, name: str, write: Callable[[BinaryIO], object]
    ) -> CatalogRecord:
        """Write into a temporary file, hashing on the way, and send it from there."""
        path = _Paths(run_id, branch)
        path.of(name, executable=False)  # a wrong name is refused first
        try:
            with TemporaryFile() as file:
                with HashingFile(file.fileno(), REAL) as raw:
                    with io.BufferedWriter(raw, BLOCK_BYTES) as buffered:
                        write(buffered)
                    content = Content(raw.data_hash(), raw.size)
                with failing():
                    listed = ListedFile(name, content.data_hash, content.size)
                    self._announcements.of_files(run_id, branch, [listed])
                    self._send(content, file.fileno())
        except OSError as error:
            raise failed("keep", name, error) from error
        return self._entry(name, content, path)

    def _send(self, content: Content, descriptor: int) -> None:
        if content.size <= BLOCK_BYTES:
            self._contents.add(content.data_hash, os.pread(descriptor, content.size, 0))
        else:
            self._contents.add_file(content.data_hash, content.size, lambda: _from_its_start(descriptor))

    def open(self, name: str, data_hash: str, size: int) -> BinaryIO:
        """The content: small in memory, large in a temporary file."""
        return self._stored.open_content(name, data_hash, size)

    def is_executable(self, entry: CatalogRecord) -> bool:
        """Whether its path says so."""
        return is_executable(entry)

    def open_log(self, run_id: str, path: StepPath) -> BinaryIO:
        """A file whose content is sent while the step prints."""
        return io.BufferedWriter(LogWriter(self._objects, layout.log(run_id, path)))

    def read_log(self, run_id: str, path: StepPath) -> BinaryIO | None:
        """The pieces that were sent so far."""
        log = opened_log(self._objects, layout.log(run_id, path))
        return None if log is None else io.BufferedReader(log, BLOCK_BYTES)

    def keep_changes(self, run_id: str, diff: bytes) -> None:
        """Keep it by content, which the record of the run names; the same diff of many runs is stored once."""
        del run_id
        self.store_blob(diff)

    def store_blob(self, blob: bytes) -> None:
        """Keep it by content; where it is there already, a clean-up must know that it is needed again."""
        data_hash = sha256(blob)
        with failing():
            self._announcements.of_content(data_hash)
            self._contents.add(data_hash, blob)

    def usage(self, run_id: str) -> Usage | None:
        """The files in the lists of the run, and its logs."""
        return self._maintenance().usage(run_id)

    def remove_run(self, run_id: str) -> None:
        """Remove all objects of the run but the content."""
        self._maintenance().remove_run(run_id)

    def was_removed(self, run_id: str) -> bool:
        """Whether there is a mark of it, and no object."""
        return self._maintenance().was_removed(run_id)

    def collect(  # noqa: D102 - the Protocol says it
        self,
        referred: frozenset[str],
        run_ids: Collection[str],
        *,
        without: Collection[str] = (),
        pretend: bool = False,
        is_quiet: Callable[[], bool] | None = None,
    ) -> Collected:
        del without  # the files of a known run keep no content, except young content, which stays when the run goes
        return self._maintenance().collect(referred, run_ids, pretend=pretend, is_quiet=is_quiet)

    def verify(self, entries: Sequence[CatalogRecord]) -> Sequence[str]:
        """Read the contents, many at a time."""
        return self._maintenance().verify(entries)

    def __reduce__(self) -> "tuple[type[ObjectStoreCatalog], tuple[ObjectCatalogOptions, Path, ObstoreObjects]]":
        """In another process it is made again."""
        return ObjectStoreCatalog, (self._options, self._working_directory, self._objects)

    def _maintenance(self) -> "Maintenance":
        from magnus.catalogs.object_store.maintenance import Maintenance  # lazy: pipelines do not need it

        return Maintenance(self._objects, self._contents)

    def _entry(self, name: str, content: Content, paths: "_Paths | None") -> CatalogRecord:
        path = paths.of(name, executable=content.executable) if paths else ""
        return CatalogRecord(name, content.data_hash, path, self._objects.shown, "put", content.size)

    def _adopted(self, entry: CatalogRecord, paths: "_Paths") -> CatalogRecord:
        path = paths.of(entry.name, executable=is_executable(entry))
        return replace(entry, catalog_relative_path=path, catalog_handler_location=self._objects.shown, stage="put")


class _Paths:
    """Where files of a branch would be in the file-system catalog; records have these paths, and no objects do."""

    def __init__(self, run_id: str, branch: BranchPath) -> None:
        self._top = (run_folder(run_id), *branch_folders(branch))

    def of(self, name: str, *, executable: bool) -> str:
        """The path of a file; CatalogError when the name could be anywhere else."""
        parts = tree_parts(parts_of(name))
        return "/".join((*self._top, EXECUTABLE, *parts) if executable else (*self._top, *parts))


def _for_each_entry(function: Callable[[CatalogRecord], None], entries: Sequence[CatalogRecord]) -> None:
    """Call the function for each entry, few large ones at a time."""
    for_each(function, [entry for entry in entries if entry.size <= BLOCK_BYTES], threads=SMALL_AT_A_TIME)
    for_each(function, [entry for entry in entries if entry.size > BLOCK_BYTES], threads=LARGE_AT_A_TIME)


def _from_its_start(descriptor: int) -> int:
    os.lseek(descriptor, 0, os.SEEK_SET)
    return os.dup(descriptor)
