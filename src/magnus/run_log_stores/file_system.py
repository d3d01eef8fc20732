"""The run log store of type `file-system`: one file of records a run, `<run id>.jsonl`, on a disk of this machine.

Made by `app.composition`. Beside the records stands the document people read, `<run id>.json`. The folder must be on a
file system that appends atomically between processes, as local ones do; network file systems do not.
"""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from msgspec import Struct

from magnus.errors import RunLogStoreError, RunNotFound
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.capabilities import Locality, ServiceCapabilities
from magnus.interfaces.run_log_store import DamagedRecord, StepResult
from magnus.run_log import codec
from magnus.run_log.json_bytes import mentioned_hashes
from magnus.run_log.records import RunRecord, Status, StepRecord
from magnus.run_log_stores import failures, record_line
from magnus.run_log_stores.record_line import Heading, Place
from magnus.run_log_stores.run_file import OpenRuns, RunFile, last_run_line
from magnus.system import atomic_files
from magnus.system.system_calls import REAL, SystemCalls

if TYPE_CHECKING:
    from magnus.run_log.summary import DamagedRun, RunSummary  # lazy: only listings need them
    from magnus.run_log_stores.result_files import ResultFiles  # lazy: as where it is used

_RECORDS: Final = ".jsonl"
_DOCUMENT: Final = ".json"
_LONGEST_NAME: Final = 255 - len(_RECORDS)

RecordT = TypeVar("RecordT")
ResultT = TypeVar("ResultT")


class FileSystemOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Options of the store.

    Attributes:
        log_folder: the folder of the run logs, relative to the working directory.
        durable: whether every record survives a loss of power; slower.
    """

    log_folder: str = ".run_log_store"
    durable: bool = False


class FileSystemRunLogStore:
    """Run logs in files, for any number of threads and processes of one machine."""

    options: ClassVar[type[FileSystemOptions]] = FileSystemOptions

    def __init__(self, options: FileSystemOptions, working_directory: Path, *, system: SystemCalls = REAL) -> None:
        self._folder = working_directory.absolute() / options.log_folder
        self._always_durable = options.durable
        self._system = system
        self._open_runs = OpenRuns()

    @property
    def capabilities(self) -> ServiceCapabilities:
        """Processes of this machine can share it, and it outlives them."""
        return ServiceCapabilities(reach=Locality.HOST, persistent=True, located_by="log_folder", appends=True)

    @property
    def location(self) -> Path:
        """The log folder, absolute."""
        return self._folder

    def create_run(self, run: RunRecord) -> None:
        """Make the file of the run with its first record; the file appears whole or not at all."""
        failures.refuse_unusable(run.run_id, _LONGEST_NAME)
        file = self._file(run.run_id, _RECORDS)
        line = record_line.with_checksum(record_line.encoded(run))
        try:
            atomic_files.make_home(self._folder, self._system)
        except OSError as error:
            raise failures.failed("make", self._folder, error) from error
        try:
            atomic_files.create(file, line, self._system)
        except FileExistsError as error:
            raise failures.run_exists(run.run_id, self._folder) from error
        except OSError as error:
            raise failures.failed("make", file, error) from error

    def get_run(self, run_id: str) -> RunRecord:
        """The record of the run that was put last."""

        def read(run: RunFile) -> RunRecord:
            place = run.run
            if place is None:
                raise failures.no_run_record(self._file(run_id, _RECORDS))
            record = self._decoded(run, place, codec.run_from_bytes, run_id)
            if record.run_id != run_id:
                raise failures.of_another_run(run_id, record.run_id)
            return record

        return self._reading(run_id, read)

    def update_run(self, run: RunRecord) -> None:
        """Add the record to the file of the run, and see that everything in it survives a loss of power."""
        line = record_line.with_checksum(record_line.encoded(run))
        self._writing(run.run_id, lambda file: file.replace_run(line))

    def list_runs(self) -> Sequence[str]:
        """The ids of all runs, by the names of their files."""
        return sorted(entry.name.removesuffix(_RECORDS) for entry in self._run_files())

    def summaries(self) -> "Sequence[RunSummary | DamagedRun]":
        """The summaries of all runs; if a file has changed since it was read last, its end is read."""
        from magnus.run_log_stores.summary_index import SummaryIndex  # lazy: only listings need it

        entries = atomic_files.with_status((entry.name.removesuffix(_RECORDS), entry) for entry in self._run_files())
        return SummaryIndex(self._folder, self._system).summaries(sorted(entries), self._summary)

    def last_put(self, run_id: str) -> datetime | None:
        """When the file of the run changed last."""
        try:
            changed = (self._folder / f"{run_id}{_RECORDS}").stat().st_mtime
        except (OSError, ValueError):
            return None
        return datetime.fromtimestamp(changed, UTC)

    def put_step(self, run_id: str, step: StepRecord, *, durable: bool = False) -> None:
        """Add the record to the file of the run; readers go by the last one, or by the first success."""
        success = step.status is Status.SUCCESS
        about = Heading(str(step.path), success)
        line = record_line.with_checksum(record_line.encoded(step))

        def write(run: RunFile) -> None:
            place = run.append(line, about, durable=durable or self._always_durable)
            is_next = success and place is not None and not step.is_terminal and step.holds_scalars_alone
            run.newest = (place, step) if is_next and place is not None else None

        self._writing(run_id, write)

    def get_step(self, run_id: str, path: StepPath) -> StepRecord | None:
        """The record that stands for the step; only lines added since the last read are read."""

        def read(run: RunFile) -> StepRecord | None:
            place = run.steps.place(str(path))
            if place is None:
                return None
            if run.newest is not None and run.newest[0] == place:
                return run.newest[1]
            return self._decoded(run, place, codec.step_from_bytes, run_id)

        return self._reading(run_id, read)

    def list_steps(self, run_id: str, branch: BranchPath) -> Sequence[StepRecord]:
        """The records that stand for the steps of the branch, by position."""

        def read(run: RunFile) -> list[StepRecord]:
            places = run.steps.places(str(branch))
            return [self._decoded(run, place, codec.step_from_bytes, run_id) for place in places]

        return sorted(self._reading(run_id, read), key=lambda step: step.position)

    def count_steps(self, run_id: str, branch: BranchPath) -> int:
        """How many steps of the branch have a whole record."""
        return self._reading(run_id, lambda run: run.steps.count(str(branch)))

    def put_result(self, key: str, run_id: str, path: StepPath) -> None:
        """Put the step into the file of the key."""
        self._results().put(key, run_id, path)

    def results(self, key: str) -> Sequence[StepResult]:
        """The steps in the file of the key."""
        return self._results().results(key)

    def write_document(self, run_id: str, lines: Iterator[str]) -> None:
        """Put the document in the place of the one before, at once; when that fails the one before stands."""
        file = self._file(run_id, _DOCUMENT)
        try:
            atomic_files.replace(file, (piece.encode() for piece in lines), self._system)
        except OSError as error:
            raise failures.failed("write", file, error) from error

    def remove_run(self, run_id: str) -> None:
        """Remove the document, and then the records, which make it a run."""
        self._refuse_unusable(run_id)
        try:
            with suppress(FileNotFoundError):
                self._system.unlink(self._file(run_id, _DOCUMENT))
            self._system.unlink(self._file(run_id, _RECORDS))
        except FileNotFoundError as error:
            raise failures.run_not_found(run_id, self._folder) from error
        except OSError as error:
            raise failures.failed("remove", self._file(run_id, _RECORDS), error) from error

    def remove_leftovers(self, before: datetime) -> None:
        """Remove temporary files of processes that were killed."""
        try:
            atomic_files.remove_leftovers(self._folder, before.timestamp(), self._system)
            self._results().remove_leftovers(before.timestamp(), frozenset(self.list_runs()).__contains__)
        except OSError as error:
            raise failures.failed("clean up", self._folder, error) from error

    def mentioned_hashes(self, run_id: str) -> frozenset[str]:
        """Every `data_hash` in the file of the run."""
        return self._searched(run_id, lambda file: mentioned_hashes(atomic_files.blocks(file, self._system)))

    def damaged_records(self, run_id: str) -> Sequence[DamagedRecord]:
        """The lines in the file of the run that are no records, such as a writer leaves that dies."""
        from magnus.run_log_stores.damage import damaged_lines  # lazy: a run needs none of it

        return self._searched(run_id, lambda file: tuple(damaged_lines(file, self._system)))

    def close(self) -> None:
        """Close every file; the store opens them again when it is used again."""
        with self._open_runs.lock:
            self._open_runs.close()

    def _results(self) -> "ResultFiles":
        from magnus.run_log_stores.result_files import ResultFiles  # lazy: only steps with a cache need it

        return ResultFiles(self._folder, self._system)

    def _run_files(self) -> "Sequence[os.DirEntry[str]]":
        try:
            with os.scandir(self._folder) as entries:
                return [entry for entry in entries if entry.name.endswith(_RECORDS) and entry.name[0] != "."]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise failures.failed("read", self._folder, error) from error

    def _summary(self, run_id: str) -> "RunSummary | DamagedRun | None":
        """As `get_run` reads it, without reading the lines before the last record of the run."""
        from magnus.run_log.summary import DamagedRun, summary, summary_from_bytes  # lazy: as above

        try:
            # a Path takes longer than reading the file does, and there may be ten thousand
            return summary_from_bytes(last_run_line(f"{self._folder}/{run_id}{_RECORDS}", self._system))
        except FileNotFoundError:
            return failures.link_to_nothing(run_id, self._file(run_id, _RECORDS))
        except (OSError, KeyError, TypeError, ValueError, RecursionError):
            pass
        try:
            return summary(self.get_run(run_id))
        except RunLogStoreError as error:
            return DamagedRun(run_id, error.problems[0].message)
        except RunNotFound:
            return None

    def _writing(self, run_id: str, write: Callable[[RunFile], None]) -> None:
        """Write to the file of the run, which is for this thread alone meanwhile."""
        try:
            with self._open_runs.lock:
                run = self._open_runs.get(run_id, lambda: self._open(run_id, writing=True), writing=True)
                run.begin()
                write(run)
        except FileNotFoundError as error:
            raise failures.run_not_found(run_id, self._folder) from error
        except OSError as error:
            raise failures.failed("write", self._file(run_id, _RECORDS), error) from error

    def _reading(self, run_id: str, read: Callable[[RunFile], RecordT]) -> RecordT:
        try:
            with self._open_runs.lock:
                run = self._open_runs.get(run_id, lambda: self._open(run_id, writing=False), writing=False)
                run.refresh()
                return read(run)
        except FileNotFoundError as error:
            raise failures.run_not_found(run_id, self._folder) from error
        except OSError as error:
            raise failures.failed("read", self._file(run_id, _RECORDS), error) from error

    def _open(self, run_id: str, *, writing: bool) -> RunFile:
        """The file of the run; also one that can be read only, unless it is to be written."""
        if failures.unusable(run_id, _LONGEST_NAME):
            raise FileNotFoundError(run_id)
        file = self._file(run_id, _RECORDS)
        try:
            return RunFile(
                self._system.open(file, os.O_RDWR | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC, 0),
                self._system,
                writable=True,
            )
        except OSError as error:
            if writing or error.errno not in {errno.EACCES, errno.EPERM, errno.EROFS}:
                raise
        return RunFile(self._system.open(file, atomic_files.READ, 0), self._system, writable=False)

    def _decoded(self, run: RunFile, place: Place, decode: Callable[[bytes], RecordT], run_id: str) -> RecordT:
        text = run.read(place)
        if record_line.heading(text) is None:
            message = f"'{self._file(run_id, _RECORDS)}' was changed by something other than magnus"
            raise RunLogStoreError(message, fix="restore the file, or remove it")
        try:
            return decode(text)
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            file = self._file(run_id, _RECORDS)
            raise RunLogStoreError(
                f"'{file}' holds a record that this version of magnus cannot read: {text[:200].decode(errors='replace')}",
                fix="read it with the version that wrote it, or remove the file",
            ) from error

    def _searched(self, run_id: str, search: Callable[[Path], ResultT]) -> ResultT:
        """The result of a search through the file of the run."""
        self._refuse_unusable(run_id)
        file = self._file(run_id, _RECORDS)
        try:
            return search(file)
        except FileNotFoundError as error:
            raise failures.run_not_found(run_id, self._folder) from error
        except OSError as error:
            raise failures.failed("read", file, error) from error

    def _refuse_unusable(self, run_id: str) -> None:
        """RunNotFound when no file can be named after the id."""
        if failures.unusable(run_id, _LONGEST_NAME):
            raise failures.run_not_found(run_id, self._folder)

    def _file(self, run_id: str, suffix: str) -> Path:
        return self._folder / (run_id + suffix)
