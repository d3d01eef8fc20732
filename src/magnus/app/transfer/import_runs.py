"""The use case *import*: brings the runs of an archive into the stores of a configuration.

The whole archive is verified before anything is written. A run is recorded as running until all of it is there, so if the
import is killed, nobody takes the run for whole, and a second import finishes it.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from msgspec import Struct
from msgspec.structs import replace

from magnus.app.composition import services
from magnus.app.composition.load_configuration import load_configuration
from magnus.app.inspect.run_document import document
from magnus.app.transfer import references
from magnus.app.transfer.contents import ContentImport
from magnus.app.transfer.verify_archive import ArchivedRun, VerifiedArchive, verified
from magnus.engine.files.large_values import LargeValues
from magnus.engine.files.spilling_store import SpillingStore
from magnus.engine.processes import liveness
from magnus.errors import InvalidConfiguration, InvalidInput, RunExists, RunNotFound
from magnus.graph.path import StepPath
from magnus.interfaces.catalog import Catalog, LogStore, ReadsLogs
from magnus.interfaces.run_log_store import KeepsDocuments, RunLogStore
from magnus.run_log import codec
from magnus.run_log.records import IMPORTING, RunRecord, Status, StepRecord


class ImportedRun(Struct, frozen=True):
    """A run of the archive; `is_new` is false if it was there already, as it is in the archive."""

    run_id: str
    steps: int
    is_new: bool


class Imported(Struct, frozen=True):
    """The runs of the archive, the contents that the catalog did not have, and whether the output of steps was kept."""

    runs: Sequence[ImportedRun]
    new_contents: int
    keeps_logs: bool


def import_runs(file: str, configuration_file: str, environment: Mapping[str, str]) -> Imported:
    """Bring the runs of the archive into the stores; what is there already is left alone.

    Raises:
        InvalidInput: the file is no whole archive, or another run has the id of one in it, or another process imports
            one of them; nothing is written then.
        ServiceError: a store fails; the next import finishes.
    """
    folder = Path.cwd()
    configuration = load_configuration(configuration_file, environment, folder)
    store: RunLogStore = services.service("run_log_store", configuration.run_log_store, folder)
    catalog = services.catalog(configuration, folder)
    if not store.capabilities.persistent:
        fix = "configure a run log store of type file-system"
        raise InvalidConfiguration(
            "runs cannot be imported into memory", fix=fix, location=configuration.run_log_store.locate()
        )
    with closing(store), _opened(file) as source, TemporaryDirectory(prefix="magnus-import-") as temporary:
        archive = verified(source, file)
        _check_catalog(archive, catalog)
        importing = _Import(store, catalog, archive, Path(temporary))
        for run in archive.runs:
            importing.check(run)
        runs = [importing.bring(run) for run in archive.runs]
        return Imported(runs, importing.contents.new, isinstance(catalog, LogStore))


def _opened(file: str) -> BinaryIO:
    path = Path(file)
    try:
        if path.exists() and not path.is_file():
            raise InvalidInput(f"'{file}' is no file", fix="name the file that magnus export wrote")
        return path.open("rb")
    except OSError as error:
        raise InvalidInput(f"'{file}' cannot be read: {error.strerror}", fix="name the file of an export") from error


def _check_catalog(archive: VerifiedArchive, catalog: Catalog) -> None:
    if archive.contents and not catalog.capabilities.keeps:
        fix = "configure a catalog that keeps them, such as file-system"
        raise InvalidConfiguration("the runs have files, and the catalog keeps none", fix=fix)


class _Import:
    """One import into one pair of stores."""

    def __init__(self, store: RunLogStore, catalog: Catalog, archive: VerifiedArchive, temporary: Path) -> None:
        self._store = store
        self._catalog = catalog
        self._archive = archive
        self.contents = ContentImport(catalog, archive, temporary)

    def check(self, archived: ArchivedRun) -> None:
        """InvalidInput if another run has the id, or another process is importing this one; nothing is written."""
        there = self._there(archived.run_id)
        if there is None:
            return
        _refuse_importing(there)
        run = self._archive.run(archived)
        is_begun = there.run_config.get(IMPORTING)
        if is_begun != archived.digest if is_begun else _of_run(there) != _of_run(run):
            raise self._other(archived.run_id)
        for step in self._archive.steps(archived):
            kept = self._store.get_step(archived.run_id, step.path)
            if kept is not None and _of_step(kept) != _of_step(step):
                raise self._other(archived.run_id)
        self._check_logs(archived)

    def bring(self, archived: ArchivedRun) -> ImportedRun:
        """Bring the run, or what is missing of it."""
        run = self._archive.run(archived)
        there = self._there(archived.run_id) or self._created(run, archived)
        is_whole = there is not None and IMPORTING not in there.run_config
        before = self.contents.new
        self.contents.start(run, is_new=not is_whole)
        count, put = 0, 0
        for step in self._archive.steps(archived):
            count += 1
            put += self._bring_step(run, step)
        put += self._bring_logs(archived)
        if not is_whole:
            self._store.update_run(run)
        if (put or not is_whole) and isinstance(self._store, KeepsDocuments):
            readable = SpillingStore(self._store, LargeValues(lambda: self._catalog))
            self._store.write_document(run.run_id, document(readable, run))
        return ImportedRun(run.run_id, count, is_new=not is_whole or put > 0 or self.contents.new > before)

    def _there(self, run_id: str) -> RunRecord | None:
        try:
            return self._store.get_run(run_id)
        except RunNotFound:
            return None

    def _created(self, run: RunRecord, archived: ArchivedRun) -> RunRecord | None:
        """Record that the run is being imported, by this process; the record of another process that was faster."""
        owner = liveness.this_process()
        run_config = {IMPORTING: archived.digest}
        begun = replace(run, status=Status.PROCESSING, end_time=None, owner=owner, parameters={}, run_config=run_config)
        try:
            self._store.create_run(begun)
        except RunExists:
            self.check(archived)
            return self._there(run.run_id)
        return None

    def _bring_step(self, run: RunRecord, step: StepRecord) -> int:
        """Bring the content of the step, then its record; 1 if that was not there."""
        if self._store.get_step(run.run_id, step.path) is not None:
            self.contents.repair(run, step)
            return 0
        self._store.put_step(run.run_id, self.contents.of_step(run, step))
        return 1

    def _bring_logs(self, archived: ArchivedRun) -> int:
        """Bring the output of steps; the number of steps of which some was missing."""
        brought = 0
        for path, member in archived.logs:
            if not isinstance(self._catalog, LogStore):
                break
            kept = self._length(archived.run_id, path)
            if kept is not None and kept == member.size:
                continue
            with self._catalog.open_log(archived.run_id, path) as log:
                left = kept or 0
                for piece in self._archive.pieces(member):
                    log.write(piece[left:])
                    left = max(0, left - len(piece))
            brought += 1
        return brought

    def _length(self, run_id: str, path: StepPath) -> int | None:
        log = self._catalog.read_log(run_id, path) if isinstance(self._catalog, ReadsLogs) else None
        if log is None:
            return None
        with log:
            return log.seek(0, 2)

    def _check_logs(self, archived: ArchivedRun) -> None:
        """InvalidInput if a step of the run has other output here than in the archive, or more."""
        if not isinstance(self._catalog, ReadsLogs):
            return
        for path, member in archived.logs:
            log = self._catalog.read_log(archived.run_id, path)
            if log is None:
                continue
            with log:
                for piece in self._archive.pieces(member):
                    kept = log.read(len(piece))
                    if kept != piece[: len(kept)]:
                        raise self._other(archived.run_id)
                if log.read(1):
                    raise self._other(archived.run_id)

    @staticmethod
    def _other(run_id: str) -> InvalidInput:
        message = f"another run has the id '{run_id}' here: its records or its output differ from the archive"
        return InvalidInput(message, fix="import into other stores, with -c FILE, or remove the run by magnus gc")


def _refuse_importing(there: RunRecord) -> None:
    """InvalidInput if another process, which is there, imports the run: both would append to its output."""
    owner = there.owner
    if IMPORTING in there.run_config and owner != liveness.this_process() and liveness.runs_here(owner):
        message = f"the run '{there.run_id}' is being imported by another process ({owner.pid})"
        raise InvalidInput(message, fix="wait for its end, or end it")


def _of_run(run: RunRecord) -> bytes:
    """The record as bytes: NaN differs from itself."""
    return codec.to_bytes(codec.run_to_json(run))


def _of_step(step: StepRecord) -> bytes:
    return codec.to_bytes(codec.step_to_json(references.without_places(step)))
