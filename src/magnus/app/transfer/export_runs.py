"""The use case *export*: writes runs with everything that their stores have of them into one archive."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import BinaryIO, Final

from msgspec import Struct

from magnus.app.composition import services
from magnus.app.composition.load_configuration import load_configuration
from magnus.app.inspect.find import find_run
from magnus.app.inspect.run_state import state_of
from magnus.app.inspect.viewer import steps_below
from magnus.app.transfer import references
from magnus.app.transfer.archive import FORMAT, HEAD, ArchiveWriter
from magnus.app.transfer.references import Reference
from magnus.engine.processes import liveness
from magnus.errors import CatalogError, InvalidInput
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.catalog import Catalog, KnowsExecutables, Maintained, ReadsLogs
from magnus.interfaces.run_log_store import FindsDamage, RunLogStore
from magnus.run_log import codec
from magnus.run_log.records import ENDED, CatalogRecord, RunRecord
from magnus.system import atomic_files

_PIECE_BYTES: Final = 1 << 20


class Exported(Struct, frozen=True):
    """The runs of an archive, the number of contents in it, its bytes, and the names of content that is not there."""

    run_ids: Sequence[str]
    contents: int
    size: int
    missing: Sequence[str]


def export_runs(run_ids: Sequence[str], file: str, configuration_file: str, environment: Mapping[str, str]) -> Exported:
    """Write the runs into the file, which is there whole or not at all; an old one is replaced.

    Raises:
        InvalidInput: there is no such run, a run is still running, or the file cannot be written.
        ServiceError: a store fails, or records or content are damaged.
    """
    folder = Path.cwd()
    configuration = load_configuration(configuration_file, environment, folder)
    store: RunLogStore = services.service("run_log_store", configuration.run_log_store, folder)
    catalog = services.catalog(configuration, folder)
    with closing(store), TemporaryDirectory(prefix="magnus-export-") as temporary:
        runs = {run.run_id: run for run in (find_run(store, run_id) for run_id in run_ids)}
        export = _Export(store, catalog, [runs[run_id] for run_id in sorted(runs)], Path(temporary))
        try:
            atomic_files.write_for_user(Path(file), export.pieces())
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise InvalidInput(f"'{file}' cannot be written: {reason}", fix="name another file") from error
        return Exported(sorted(runs), export.contents, export.size, export.missing)


class _Export:
    """The bytes of one archive."""

    def __init__(self, store: RunLogStore, catalog: Catalog, runs: Sequence[RunRecord], temporary: Path) -> None:
        self._store = store
        self._catalog = catalog
        self._runs = runs
        self._temporary = temporary
        self._writer = ArchiveWriter()
        self._references: dict[str, Reference] = {}
        self._missing: dict[str, str] = {}
        self.contents = 0
        self.size = 0
        for run in runs:
            self._check(run)

    @property
    def missing(self) -> Sequence[str]:
        """The names of content that the catalog does not have."""
        return list(self._missing.values())

    def pieces(self) -> Iterator[bytes]:
        """All bytes, in pieces, which are counted."""
        for piece in self._all():
            self.size += len(piece)
            yield piece

    def _all(self) -> Iterator[bytes]:
        yield from self._writer.json(HEAD, {"format": FORMAT, "runs": [run.run_id for run in self._runs]})
        for number, run in enumerate(self._runs):
            yield from self._of_run(number, run)
        for data_hash in sorted(self._references):
            yield from self._content(self._references[data_hash])
        yield from self._writer.end({"missing": sorted(self._missing)})

    def _check(self, run: RunRecord) -> None:
        if run.status not in ENDED:
            state = state_of(run)
            if state.has_jobs or liveness.runs_here(run.owner):
                message = f"the run '{run.run_id}' is still running{f': {state.message}' if state.has_jobs else ''}"
                raise InvalidInput(message, fix="wait for its end, or end it")
        damaged = self._store.damaged_records(run.run_id) if isinstance(self._store, FindsDamage) else ()
        if damaged:
            problem = f"{damaged[0].problem}, in {damaged[0].place}"
            message = f"the run '{run.run_id}' has {len(damaged)} damaged records: {problem}"
            raise InvalidInput(
                message, fix="bring the records back from a copy, or resume the run and export the new one"
            )

    def _of_run(self, number: int, run: RunRecord) -> Iterator[bytes]:
        paths: list[StepPath] = []
        with TemporaryFile(dir=self._temporary) as records:
            self._write_records(run, records, paths)
            yield from self._writer.member(
                f"runs/{number}/records.jsonl", records.tell(), _pieces(records, records.tell())
            )
        logs = self._catalog if isinstance(self._catalog, ReadsLogs) else None
        kept = [path for path in paths if logs is not None and _exists(logs, run.run_id, path)]
        names = b"".join(codec.to_bytes(str(path)) + b"\n" for path in kept)
        yield from self._writer.member(f"runs/{number}/logs.jsonl", len(names), [names])
        for place, path in enumerate(kept):
            log = logs.read_log(run.run_id, path) if logs is not None else None
            if log is None:
                raise CatalogError(f"the output of step '{path}' was removed", fix="export again")
            with log:
                size = log.seek(0, os.SEEK_END)
                yield from self._writer.member(f"runs/{number}/logs/{place}", size, _pieces(log, size))

    def _write_records(self, run: RunRecord, records: BinaryIO, paths: list[StepPath]) -> None:
        stored = codec.run_to_json(run)
        records.write(codec.to_bytes(stored) + b"\n")
        self._note(references.of_run(stored))
        for step in steps_below(self._store, run.run_id, BranchPath()):
            paths.append(step.path)
            portable = references.without_places(step, self._is_executable)
            records.write(codec.to_bytes(codec.step_to_json(portable)) + b"\n")
            self._note(references.of_step(step, codec.step_to_json(step)))

    def _note(self, found: Iterator[Reference]) -> None:
        for reference in found:
            self._references.setdefault(reference.data_hash, reference)

    def _content(self, reference: Reference) -> Iterator[bytes]:
        """The content as a file, which the catalog brings and verifies."""
        entry = CatalogRecord("content", reference.data_hash, reference.place, "", "put", reference.size)
        file = self._temporary / "content"
        try:
            self._catalog.get(self._runs[0].run_id, BranchPath(), [entry], self._temporary)
        except CatalogError as error:
            if not self._is_missing(entry):
                raise _renamed(error, reference.name) from error
            self._missing[reference.data_hash] = reference.name
            return
        size = file.stat().st_size
        with file.open("rb") as source:
            name = f"contents/{reference.data_hash}"
            yield from self._writer.member(name, size, _pieces(source, size))
        file.unlink()
        self.contents += 1

    def _is_executable(self, entry: CatalogRecord) -> bool:
        return isinstance(self._catalog, KnowsExecutables) and self._catalog.is_executable(entry)

    def _is_missing(self, entry: CatalogRecord) -> bool:
        """Whether the catalog says that it does not have the content; a catalog that cannot be reached may have it."""
        if isinstance(self._catalog, Maintained):
            return list(self._catalog.verify([entry])) == ["missing"]
        return not self._catalog.capabilities.keeps


def _renamed(error: CatalogError, name: str) -> CatalogError:
    """The error with the name that the record has for the content."""
    [problem] = error.problems
    message = problem.message.replace("'content'", repr(name)).replace(f", put by the run '{references.PLACE}',", "")
    return type(error)(message, fix=problem.fix)


def _exists(logs: ReadsLogs, run_id: str, path: StepPath) -> bool:
    log = logs.read_log(run_id, path)
    if log is not None:
        log.close()
    return log is not None


def _pieces(file: BinaryIO, size: int) -> Iterator[bytes]:
    """So many of its first bytes: the output of a step may grow, as its run may continue on another machine."""
    file.seek(0)
    left = size
    while left:
        piece = file.read(min(left, _PIECE_BYTES))
        if not piece:
            raise CatalogError("a file of the catalog was cut off while it was exported", fix="export again")
        left -= len(piece)
        yield piece
