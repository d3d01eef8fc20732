"""The services of the catalog of type `file-system`, each done by a module beside this one.

`<location>/.store` holds every content once, `<location>/<run id>` the files of a run as they are in the project
(in `.branches` the files of its branches, in `.logs` the captured output of its steps). Files and whole folders are made
under temporary names and linked or renamed into place: a crash leaves the old or the new file, and leftovers only in
`.store/tmp`.
"""

import io
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, ClassVar

from msgspec import Meta, Struct
from msgspec.structs import replace

from magnus.catalogs.file_system.content_store import Content, ContentStore
from magnus.catalogs.file_system.copying import BLOCK_BYTES, HashingFile, sha256
from magnus.catalogs.file_system.failures import damaged, failed, not_there
from magnus.catalogs.file_system.folders import UserFolder, refuse_names_of_one_file
from magnus.catalogs.file_system.hash_cache import HashCache
from magnus.errors import InvalidConfiguration
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.capabilities import Locality, ServiceCapabilities
from magnus.interfaces.catalog import Collected, Usage
from magnus.run_log.records import CatalogRecord
from magnus.system.system_calls import REAL, SystemCalls

if TYPE_CHECKING:
    from magnus.catalogs.file_system.logs import LogFiles
    from magnus.catalogs.file_system.maintenance import Maintenance
    from magnus.catalogs.file_system.run_tree import RunTree
    from magnus.catalogs.file_system.stored_files import StoredFiles


class FileSystemOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Options of the catalog.

    Attributes:
        catalog_location: the folder of the catalog, relative to the working directory.
        compute_data_folder: the folder that globs of tasks are relative to; the working directory by default.
        strict: whether a `put` without a match fails its step.
        durable: every file survives a loss of power from the moment its step has finished; without, from the moment
            the operating system has written it to the disk.
        capture_diff: keep with every run what differs from the commit.
        spill_threshold: values of parameters with more bytes of JSON are kept here instead of in the run log; none are
            when it is null.
    """

    catalog_location: str = ".catalog"
    compute_data_folder: str = ""
    strict: bool = False
    durable: bool = False
    capture_diff: bool = False
    spill_threshold: Annotated[int, Meta(ge=0)] | None = 256 * 1024


class FileSystemCatalog:
    """Files by content in a folder."""

    options: ClassVar[type[FileSystemOptions]] = FileSystemOptions

    def __init__(self, options: FileSystemOptions, working_directory: Path, *, system: SystemCalls = REAL) -> None:
        self._location = Path(os.path.normpath(working_directory.absolute() / options.catalog_location))
        if self._location == Path(os.path.normpath(working_directory.absolute())):
            raise InvalidConfiguration(
                f"the catalog cannot be the working directory (`catalog_location: {options.catalog_location!r}`)",
                fix="choose a folder in it, such as '.catalog'",
            )
        self._options = options
        self._durable = options.durable
        self._working_directory = working_directory
        self._system = system
        self._store_folder = str(self._location / ".store")
        self._hashes = HashCache(f"{self._store_folder}/hashes", system, home=str(self._location))

    @property
    def capabilities(self) -> ServiceCapabilities:
        """Processes that see the folder can share it, and it outlives them."""
        return ServiceCapabilities(reach=Locality.HOST, persistent=True, located_by="catalog_location")

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

    @property
    def location(self) -> Path:
        """The folder of the catalog, absolute."""
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
        """Keep the files; their content is stored once, and the tree of the run refers to it.

        Links are followed where they stay within the folder. That a file may be executed is kept.
        """
        from magnus.catalogs.file_system.put_file import FilePutter  # lazy: many runs put no files

        tree = self._tree(run_id, branch)
        putter = FilePutter(
            UserFolder(folder),
            self._store(),
            tree,
            self._hashes,
            self._system,
            unchanged=unchanged,
            store_copy=store_copy,
        )
        if store_copy:
            refuse_names_of_one_file(names, str(self._location), self._system)
        try:
            contents = putter.put(names)
        finally:
            self._hashes.save()
        return tuple(
            self._entry(name, content, tree.relative(name) if store_copy else "")
            for name, content in zip(names, contents, strict=True)
            if content is not None
        )

    def get(
        self, run_id: str, branch: BranchPath, entries: Sequence[CatalogRecord], folder: Path
    ) -> tuple[CatalogRecord, ...]:
        """Get the content of the entries, whichever run put them; a file that is in place is only hashed."""
        from magnus.catalogs.file_system.get_file import FileGetter  # lazy: as above
        from magnus.system.parallel import for_each

        del run_id, branch  # an entry says what its content is, and the content is everybody's
        refuse_names_of_one_file([entry.name for entry in entries], str(folder), self._system)
        getter = FileGetter(UserFolder(folder), self._stored_files(), self._hashes, self._system, durable=self._durable)
        try:
            for_each(getter.get, entries)
        finally:
            self._hashes.save()
        return tuple(replace(entry, stage="get") for entry in entries)

    def adopt(self, run_id: str, branch: BranchPath, entries: Sequence[CatalogRecord]) -> tuple[CatalogRecord, ...]:
        """Link the content into the tree of the run."""
        tree = self._tree(run_id, branch)
        store = self._store()
        return tuple(self._adopted(entry, tree, store) if entry.catalog_relative_path else entry for entry in entries)

    def _adopted(self, entry: CatalogRecord, tree: "RunTree", store: ContentStore) -> CatalogRecord:
        try:
            content = self._claimed(entry, store)
            tree.put(entry.name, partial(store.link, content))
        except OSError as error:
            raise failed("keep", entry.name, error) from error
        return self._entry(entry.name, content, tree.relative(entry.name))

    def _claimed(self, entry: CatalogRecord, store: ContentStore) -> Content:
        """The content of the entry, which may be executed or not; it is read, unless it is remembered."""
        there = [content for content in _both(entry.data_hash, entry.size) if os.path.lexists(store.path(content))]
        if whole := next(filter(store.claim, there), None):
            return whole
        if not there:
            raise not_there(entry.name, str(self._location))
        run_id = entry.catalog_relative_path.partition("/")[0]
        raise damaged(entry.name, store.path(there[0]), entry.data_hash, run_id=run_id)

    def put_stream(
        self, run_id: str, branch: BranchPath, name: str, write: Callable[[BinaryIO], object]
    ) -> CatalogRecord:
        """Write into the store, hashing on the way, and link from there."""
        tree = self._tree(run_id, branch)
        store = self._store()
        try:
            with store.receive(executable=False) as (temporary, descriptor):
                with HashingFile(descriptor, self._system) as raw:
                    with io.BufferedWriter(raw, BLOCK_BYTES) as file:
                        write(file)
                    content = Content(raw.data_hash(), raw.size)
                store.adopt(temporary, descriptor, content)
                try:
                    tree.put(name, partial(store.link, content))
                except FileNotFoundError:  # the same content was there, and was just removed, as nobody needed it
                    store.adopt(temporary, descriptor, content)
                    tree.put(name, partial(store.link, content))
        except OSError as error:
            raise failed("keep", name, error) from error
        return self._entry(name, content, tree.relative(name))

    def open(self, name: str, data_hash: str, size: int) -> BinaryIO:
        """The content in the store; one that is large is read twice, unless it is remembered to be whole."""
        store, bad = self._store(), ""
        for content in _both(data_hash, size):
            try:
                if (file := store.open_whole(content)) is not None:
                    return file
                bad = bad or store.path(content)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise failed("read", name, error) from error
        raise damaged(name, bad, data_hash) if bad else not_there(name, str(self._location))

    def is_executable(self, entry: CatalogRecord) -> bool:
        """Whether the stored file may be executed."""
        return self._stored_files().is_executable(entry)

    def __reduce__(self) -> "tuple[type[FileSystemCatalog], tuple[FileSystemOptions, Path]]":
        """In another process it is made again."""
        return FileSystemCatalog, (self._options, self._working_directory)

    def open_log(self, run_id: str, path: StepPath) -> BinaryIO:
        """The file `.logs/<path>.log` in the folder of the run."""
        return self._logs(run_id).open(path)

    def read_log(self, run_id: str, path: StepPath) -> BinaryIO | None:
        """The file in `.logs`."""
        return self._logs(run_id).read(path)

    def keep_changes(self, run_id: str, diff: bytes) -> None:
        """Keep it as `.logs/changes.diff` in the folder of the run."""
        self._logs(run_id).keep_changes(diff, self._store())

    def store_blob(self, blob: bytes) -> None:
        """Keep it in the store alone."""
        try:
            self._store().add(Content(sha256(blob), len(blob)), blob)
        except OSError as error:
            raise failed("keep", "a fact of the run", error) from error

    def usage(self, run_id: str) -> Usage | None:
        """The files in the folder of the run."""
        return self._maintenance().usage(run_id)

    def remove_run(self, run_id: str) -> None:
        """Remove the folder of the run, at once for everybody else."""
        self._maintenance().remove_run(run_id)

    def was_removed(self, run_id: str) -> bool:
        """Whether `remove_run` left a mark, and there is no folder."""
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
        return self._maintenance().collect(referred, run_ids, without=without, pretend=pretend, is_quiet=is_quiet)

    def verify(self, entries: Sequence[CatalogRecord]) -> Sequence[str]:
        """Read the content in the store; the folders of runs show the same files."""
        from magnus.catalogs.file_system.maintenance import problems_of  # lazy: pipelines do not need it

        return problems_of(entries, self._store(), self._system)

    def _maintenance(self) -> "Maintenance":
        from magnus.catalogs.file_system.maintenance import Maintenance  # lazy: pipelines do not need it

        return Maintenance(str(self._location), self._system)

    def _logs(self, run_id: str) -> "LogFiles":
        from magnus.catalogs.file_system.logs import LogFiles  # lazy: many runs print nothing

        return LogFiles(str(self._location), run_id, self._system, durable=self._durable)

    def _stored_files(self) -> "StoredFiles":
        from magnus.catalogs.file_system.stored_files import StoredFiles  # lazy: many runs get no files

        return StoredFiles(self._store(), str(self._location), self._system)

    def _store(self) -> ContentStore:
        home = str(self._location)
        return ContentStore(self._store_folder, self._hashes, self._system, durable=self._durable, home=home)

    def _entry(self, name: str, content: Content, relative_path: str) -> CatalogRecord:
        location = self._options.catalog_location
        return CatalogRecord(name, content.data_hash, relative_path, location, "put", content.size)

    def _tree(self, run_id: str, branch: BranchPath) -> "RunTree":
        from magnus.catalogs.file_system.run_tree import RunTree  # lazy: many runs put no files

        return RunTree(str(self._location), run_id, branch, self._system, durable=self._durable)


def _both(data_hash: str, size: int) -> tuple[Content, Content]:
    """The content as a file that may not be executed, and as one that may."""
    return Content(data_hash, size), Content(data_hash, size, executable=True)
