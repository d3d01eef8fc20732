"""The run log store of type `chunked-fs`: one file a record, for network file systems and volumes that many hosts share.

Made by `app.composition`. The store appends to no file and takes no lock. It writes a record to a file of another name and
renames it, or makes a hard link where the first record has to stand (the run, the success of a step). On a file system
without hard links it creates the file exclusively: a crash can leave an incomplete file, which readers skip.

Each record starts with a checksum, as lines of `file-system` do. Readers skip a file whose bytes were changed, that is
incomplete, or that is the record of another step; `damaged_records` names it.

On a network file system a file that is opened must show the bytes of every host that closed it before ("close to open",
as NFS does). Records are opened by their exact names; only the steps of a branch need a listing.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from msgspec import Struct

from magnus.errors import RunLogStoreError
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.capabilities import Locality, ServiceCapabilities
from magnus.interfaces.run_log_store import DamagedRecord, StepResult
from magnus.run_log.json_bytes import mentioned_hashes
from magnus.run_log.records import RunRecord, Status, StepRecord
from magnus.run_log.summary import DamagedRun, RunSummary, summary_from_bytes
from magnus.run_log_stores import failures, record_files
from magnus.run_log_stores.record_files import DONE, NOT_DONE, Belongs, NewestSuccess, RecordFiles, is_of_run
from magnus.run_log_stores.summary_index import SummaryIndex
from magnus.system import atomic_files
from magnus.system.system_calls import REAL, AnyPath, SystemCalls

if TYPE_CHECKING:
    from magnus.run_log_stores.result_files import ResultFiles  # lazy: as where it is used

_DOCUMENT: Final = ".json"
_LONGEST_NAME: Final = 255 - len(_DOCUMENT)

RecordT = TypeVar("RecordT")


class ChunkedOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Options of the store.

    Attributes:
        log_folder: the folder of the run logs, relative to the working directory.
        durable: whether every record survives a loss of power; slower.
    """

    log_folder: str = ".run_log_store"
    durable: bool = False


class ChunkedRunLogStore:
    """Run logs as a file for each record, for any number of threads, processes and hosts."""

    options: ClassVar[type[ChunkedOptions]] = ChunkedOptions

    def __init__(self, options: ChunkedOptions, working_directory: Path, *, system: SystemCalls = REAL) -> None:
        self._folder = working_directory.absolute() / options.log_folder
        self._files = RecordFiles(self._folder)
        self._always_durable = options.durable
        self._system = system
        self._newest: NewestSuccess | None = None

    @property
    def capabilities(self) -> ServiceCapabilities:
        """Every process that sees the folder can share it, on every host, and it outlives them."""
        return ServiceCapabilities(reach=Locality.NETWORK, persistent=True, located_by="log_folder")

    @property
    def location(self) -> Path:
        """The log folder, absolute."""
        return self._folder

    def create_run(self, run: RunRecord) -> None:
        """Make the folder for the steps of the run, and then its record, which appears whole or not at all."""
        failures.refuse_unusable(run.run_id, _LONGEST_NAME)
        content = record_files.content_of(run)
        file = self._files.run(run.run_id)
        try:
            atomic_files.make_home(self._folder, self._system)
            for folder in (self._files.runs, Path(self._files.branch(run.run_id, BranchPath()))):
                atomic_files.make_folder(folder, self._system)
            atomic_files.create(file, content, self._system)
        except FileExistsError as error:
            if not file.is_file():
                raise failures.failed("make", self._folder, error) from error
            raise failures.run_exists(run.run_id, self._folder) from error
        except OSError as error:
            raise failures.failed("make", file, error) from error

    def get_run(self, run_id: str) -> RunRecord:
        """The record of the run that was put last."""
        self._refuse_unusable(run_id)
        file = self._files.run(run_id)
        run = self._record(file, record_files.run_of, is_of_run)
        if run is None:
            raise failures.no_run_record(file) if file.exists() else failures.run_not_found(run_id, self._folder)
        if run.run_id != run_id:
            raise failures.of_another_run(run_id, run.run_id)
        return run

    def update_run(self, run: RunRecord) -> None:
        """Replace the record of the run. The end of a run is durable only after all of its steps are."""
        self._refuse_missing(run.run_id)
        if run.end_time is not None and not self._always_durable:
            record_files.sync_steps(self._files, run.run_id, self._system)
        file, content = self._files.run(run.run_id), record_files.content_of(run)
        try:
            before = b"".join(atomic_files.blocks(file, self._system))
            try:
                self._replace(file, content, durable=True)
            except RunLogStoreError:
                self._put_back(file, before)
                raise
        except FileNotFoundError as error:
            raise failures.run_not_found(run.run_id, self._folder) from error
        except OSError as error:
            raise failures.failed("read", file, error) from error

    def list_runs(self) -> Sequence[str]:
        """The ids of all runs, by the names of their records."""
        return sorted(name for name in record_files.names_in(self._files.runs) if not name.startswith("."))

    def summaries(self) -> Sequence[RunSummary | DamagedRun]:
        """The summaries of all runs; a record is read if its file has been replaced since the last time."""
        try:
            with os.scandir(self._files.runs) as entries:
                named = [(entry.name, entry) for entry in entries if not entry.name.startswith(".")]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise failures.failed("read", self._files.runs, error) from error
        return SummaryIndex(self._folder, self._system).summaries(
            sorted(atomic_files.with_status(named)), self._summary
        )

    def last_put(self, run_id: str) -> datetime | None:
        """When a folder of the run, or the record of it, changed last."""
        return None if failures.unusable(run_id, _LONGEST_NAME) else self._files.changed(run_id)

    def put_step(self, run_id: str, step: StepRecord, *, durable: bool = False) -> None:
        """Put the record where readers look for it, unless the step has succeeded before."""
        content = record_files.content_of(step)
        durable = durable or self._always_durable
        self._refuse_unusable(run_id)
        put = self._put_success if step.status is Status.SUCCESS else self._put_other
        file = self._files.step(run_id, step.path)
        try:
            put(file, content, step, durable=durable)
        except FileNotFoundError:
            self._make_branch(run_id, Path(file).parent)
            self._put_again(lambda: put(file, content, step, durable=durable), run_id)

    def get_step(self, run_id: str, path: StepPath) -> StepRecord | None:
        """The record of the step's success, or else the one put last."""
        self._refuse_unusable(run_id)
        file = self._files.step(run_id, path)
        newest = self._newest
        if newest is not None and newest.stands_at(file + DONE):
            return newest.step
        step = self._standing(file, str(path).__eq__)
        if step is None:
            self._refuse_missing(run_id)
        return step

    def list_steps(self, run_id: str, branch: BranchPath) -> Sequence[StepRecord]:
        """The records of the steps of the branch, by position, without the branches inside it."""
        self._refuse_missing(run_id)
        folder = self._files.branch(run_id, branch)
        names = record_files.step_names_in(folder)
        steps = (self._standing(f"{folder}/{name}", partial(record_files.names_step, branch, name)) for name in names)
        return sorted((step for step in steps if step is not None), key=lambda step: step.position)

    def count_steps(self, run_id: str, branch: BranchPath) -> int:
        """How many steps of the branch have a file."""
        self._refuse_missing(run_id)
        return len(record_files.step_names_in(self._files.branch(run_id, branch)))

    def put_result(self, key: str, run_id: str, path: StepPath) -> None:
        """Put the step into the file of the key."""
        self._results().put(key, run_id, path)

    def results(self, key: str) -> Sequence[StepResult]:
        """The steps in the file of the key."""
        return self._results().results(key)

    def write_document(self, run_id: str, lines: Iterator[str]) -> None:
        """Put the document in the place of the one before, at once; when that fails the one before stands."""
        file = self._folder / (run_id + _DOCUMENT)
        try:
            atomic_files.replace(file, (piece.encode() for piece in lines), self._system)
        except OSError as error:
            raise failures.failed("write", file, error) from error

    def remove_run(self, run_id: str) -> None:
        """Remove the document and the steps, which go out of sight at once, and then the record, which makes it a run."""
        self._refuse_missing(run_id)
        file = self._files.run(run_id)
        try:
            with suppress(FileNotFoundError):
                self._system.unlink(self._folder / (run_id + _DOCUMENT))
            record_files.remove_steps(self._files, run_id, self._system)
            self._system.unlink(file)
        except FileNotFoundError as error:
            raise failures.run_not_found(run_id, self._folder) from error
        except OSError as error:
            raise failures.failed("remove", file, error) from error

    def remove_leftovers(self, before: datetime) -> None:
        """Remove what keys of results are left without a run."""
        try:
            self._results().remove_leftovers(before.timestamp(), frozenset(self.list_runs()).__contains__)
        except OSError as error:
            raise failures.failed("clean up", self._folder, error) from error

    def mentioned_hashes(self, run_id: str) -> frozenset[str]:
        """Every `data_hash` in the files of the run."""
        self._refuse_missing(run_id)
        try:
            return mentioned_hashes(record_files.record_blocks(self._files, run_id, self._system))
        except OSError as error:
            raise failures.failed("read", self._files.run(run_id), error) from error

    def damaged_records(self, run_id: str) -> Sequence[DamagedRecord]:
        """The files of the run that are no records, or records of another name."""
        self._refuse_missing(run_id)
        try:
            return tuple(record_files.damaged_files(self._files, run_id, self._system))
        except OSError as error:
            raise failures.failed("read", self._files.run(run_id), error) from error

    def close(self) -> None:
        """Nothing is held open."""

    def _summary(self, run_id: str) -> RunSummary | DamagedRun | None:
        """None when the run was removed just now."""
        file = self._files.run(run_id)
        try:
            run = self._record(file, summary_from_bytes, is_of_run)
        except RunLogStoreError as error:
            return DamagedRun(run_id, error.problems[0].message)
        if run is None and file.exists():
            return DamagedRun(run_id, failures.no_run_record(file).problems[0].message)
        return run or failures.link_to_nothing(run_id, file)

    def _put_success(self, file: str, content: bytes, step: StepRecord, *, durable: bool) -> None:
        """Make the record unless there is one; an older record that is no success stays, and is not read any more."""
        success = file + DONE
        try:
            atomic_files.create(success, content, self._system, durable=durable)
            self._newest = NewestSuccess.of(success, step) if step.holds_scalars_alone else None
        except FileNotFoundError:
            raise
        except FileExistsError:
            if self._record(success, record_files.step_of, str(step.path).__eq__) is None:  # damaged
                self._replace(success, content, durable=durable)
        except OSError as error:
            raise failures.failed("write", success, error) from error

    def _put_other(self, file: str, content: bytes, _step: StepRecord, *, durable: bool) -> None:
        self._replace(file + NOT_DONE, content, durable=durable)

    def _replace(self, file: AnyPath, content: bytes, *, durable: bool) -> None:
        try:
            atomic_files.replace(file, [content], self._system, durable=durable)
            if durable:
                atomic_files.sync_folder(os.path.dirname(file), self._system)  # noqa: PTH120 - of every durable step
        except FileNotFoundError:
            raise
        except OSError as error:
            raise failures.failed("write", file, error) from error

    def _put_back(self, file: AnyPath, before: bytes) -> None:
        """Have the record before stand again, where one that could not be made durable has its place."""
        with suppress(OSError):
            if b"".join(atomic_files.blocks(file, self._system)) != before:
                atomic_files.replace(file, [before], self._system, durable=False)

    def _make_branch(self, run_id: str, folder: Path) -> None:
        """Make the folder of a branch; RunNotFound when there is no such run."""
        self._refuse_missing(run_id)
        try:
            atomic_files.make_folder(folder, self._system)
        except OSError as error:
            raise failures.failed("make", folder, error) from error

    def _put_again(self, put: Callable[[], None], run_id: str) -> None:
        """Put into a folder that was just made; when it is gone again, so is the run."""
        try:
            put()
        except FileNotFoundError as error:
            raise failures.run_not_found(run_id, self._folder) from error

    def _results(self) -> "ResultFiles":
        from magnus.run_log_stores.result_files import ResultFiles  # lazy: only steps with a cache need it

        return ResultFiles(self._folder, self._system)

    def _refuse_missing(self, run_id: str) -> None:
        """RunNotFound when there is no such run."""
        file = self._files.run(run_id)
        try:
            missing = bool(failures.unusable(run_id, _LONGEST_NAME)) or not file.exists()
        except OSError as error:
            raise failures.failed("read", file, error) from error
        if missing:
            raise failures.run_not_found(run_id, self._folder)

    def _refuse_unusable(self, run_id: str) -> None:
        """RunNotFound when no file can be named after the id."""
        if failures.unusable(run_id, _LONGEST_NAME):
            raise failures.run_not_found(run_id, self._folder)

    def _standing(self, file: str, belongs: Belongs) -> StepRecord | None:
        done = self._record(file + DONE, record_files.step_of, belongs)
        return done or self._record(file + NOT_DONE, record_files.step_of, belongs)

    def _record(self, file: AnyPath, decode: Callable[[bytes], RecordT], belongs: Belongs) -> RecordT | None:
        return record_files.record_in(file, decode, self._system, belongs=belongs)
