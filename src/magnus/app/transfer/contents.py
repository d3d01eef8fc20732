"""Brings the content of imported runs into a catalog, each content once, and gives entries their places there."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from msgspec.structs import replace

from magnus.app.transfer import references
from magnus.app.transfer.references import Reference
from magnus.app.transfer.verify_archive import VerifiedArchive
from magnus.errors import CatalogError
from magnus.graph.path import BranchPath
from magnus.interfaces.catalog import Catalog, KeepsChanges, KnowsExecutables
from magnus.run_log import codec
from magnus.run_log.records import CatalogRecord, RunRecord, StepRecord

_Key = tuple[BranchPath, str, str, str]
"""The branch, the name, the content hash, and the place that the archive says."""


class ContentImport:
    """The content of one archive on its way into one catalog; `new` counts what the catalog did not have."""

    def __init__(self, catalog: Catalog, archive: VerifiedArchive, temporary: Path) -> None:
        self._catalog = catalog
        self._archive = archive
        self._temporary = temporary
        self._entries: dict[_Key, CatalogRecord] = {}
        self._by_hash: dict[str, CatalogRecord] = {}
        self._whole: set[str] = set()
        self.new = 0

    def start(self, run: RunRecord, *, is_new: bool) -> None:
        """Start with a run, and bring what its own record refers to. Of one that is not new only missing content comes."""
        self._entries, self._by_hash = {}, {}
        changes = references.changes_of(run)
        for reference in references.of_run(codec.run_to_json(run)):
            member = self._archive.contents.get(reference.data_hash)
            if reference.data_hash == changes and member is not None and isinstance(self._catalog, KeepsChanges):
                if is_new or not self._has(reference):
                    self._catalog.keep_changes(run.run_id, b"".join(self._archive.pieces(member)))
            else:
                self._bring(run.run_id, reference, is_recorded=not is_new)

    def repair(self, run: RunRecord, step: StepRecord) -> None:
        """Bring what is missing or damaged of a step whose record is there."""
        for reference in references.of_step(step, codec.step_to_json(step)):
            self._bring(run.run_id, reference, is_recorded=True)

    def of_step(self, run: RunRecord, step: StepRecord) -> StepRecord:
        """The record with places in this catalog, once its content is there."""
        for reference in references.of_step(step, codec.step_to_json(step)):
            self._bring(run.run_id, reference, is_recorded=False)
        return references.with_entries(step, lambda entry: self._placed(step.branch, entry))

    def _placed(self, branch: BranchPath, entry: CatalogRecord) -> CatalogRecord:
        key = (branch, entry.name, entry.data_hash, entry.catalog_relative_path)
        here = self._entries.get(key) or self._by_hash.get(entry.data_hash)
        if not entry.catalog_relative_path or here is None:
            return entry
        return replace(
            entry,
            catalog_relative_path=here.catalog_relative_path,
            catalog_handler_location=here.catalog_handler_location,
        )

    def _bring(self, run_id: str, reference: Reference, *, is_recorded: bool) -> None:
        """Bring the content; for a record that is there already only if it is missing or damaged."""
        key = (reference.branch, reference.name, reference.data_hash, reference.place)
        if key in self._entries or reference.data_hash not in self._archive.contents:
            return
        if is_recorded and self._has(reference):
            return
        if reference.is_executable:  # a catalog may know this by the entry alone
            self.new += not self._has(reference)
            self._note(key, self._put(run_id, reference))
            return
        try:
            [entry] = self._catalog.adopt(run_id, reference.branch, [_entry(reference)])
            if isinstance(self._catalog, KnowsExecutables) and self._catalog.is_executable(entry):
                entry = self._put(run_id, reference)
        except CatalogError:  # it is missing, or damaged, which a put repairs
            entry = self._put(run_id, reference)
            self.new += 1
        self._note(key, entry)

    def _note(self, key: _Key, entry: CatalogRecord) -> None:
        self._entries[key] = entry
        self._by_hash.setdefault(key[2], entry)

    def _has(self, reference: Reference) -> bool:
        if reference.data_hash not in self._whole:
            try:
                self._catalog.open(reference.name, reference.data_hash, reference.size).close()
            except CatalogError:
                return False
            self._whole.add(reference.data_hash)
        return True

    def _put(self, run_id: str, reference: Reference) -> CatalogRecord:
        member = self._archive.contents[reference.data_hash]
        if not reference.is_executable:
            return self._catalog.put_stream(
                run_id, reference.branch, reference.name, lambda file: _write(file, self._archive.pieces(member))
            )
        with TemporaryDirectory(
            dir=self._temporary
        ) as folder:  # its own: a file may be named like the folder of another
            file = Path(folder) / reference.name
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("wb") as target:
                    _write(target, self._archive.pieces(member))
                file.chmod(0o755)
            except OSError as error:
                message = f"the content of '{reference.name}' cannot be written to '{folder}': {error.strerror}"
                raise CatalogError(message, fix="free space, or set TMPDIR") from error
            [entry] = self._catalog.put(run_id, reference.branch, Path(folder), [reference.name], unchanged={})
        return entry


def _entry(reference: Reference) -> CatalogRecord:
    return CatalogRecord(reference.name, reference.data_hash, references.PLACE, "", "put", reference.size)


def _write(file: BinaryIO, pieces: Iterator[bytes]) -> None:
    for piece in pieces:
        file.write(piece)
