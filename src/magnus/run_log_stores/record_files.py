"""The records of a run as files, one each: their names on any file system, read, synced, removed. Used by `chunked-fs`.

    .runs/<run id>                                  the record of the run
    .steps/<run id>/<step>.json                     the record of a step that has not succeeded
    .steps/<run id>/<step>.done.json                the record of its success
    .steps/<run id>/<step>.in/<branch>/<step>.json  the same in a branch of that step
    .steps/.removed/<run id>                        the steps of a run that is being removed

A step or branch is named as in paths, percent-encoded, but in lower case: `=a` stands for `A`, so that no two names are
one where case is ignored. A name that is too long for a file is replaced by its hash, after a `~`.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias, TypeVar

from magnus.errors import RunLogStoreError
from magnus.graph.path import BranchPath, StepPath, print_parts
from magnus.interfaces.run_log_store import DamagedRecord
from magnus.run_log import codec
from magnus.run_log.records import RunRecord, StepRecord
from magnus.run_log_stores import failures
from magnus.run_log_stores.damage import damaged_record
from magnus.run_log_stores.record_line import encoded, heading, with_checksum
from magnus.system import atomic_files
from magnus.system.atomic_files import READ
from magnus.system.parallel import for_each
from magnus.system.system_calls import AnyPath, SystemCalls

DONE: Final = ".done.json"
NOT_DONE: Final = ".json"
_INSIDE: Final = ".in"
_LONGEST_NAME: Final = 200
"""In bytes; a name gets an ending, and one that is written gets a longer one for a while."""
_SYNC_THREADS: Final = 8
"""Syncs at the same time share the waits for the disk: 500 of them one after the other took 20 times as long on ext4."""
_MANY: Final = 64
"""More files than these are written sooner if the disk gets them all before the first is synced."""
_READ_BYTES: Final = 32 * 1024
"""Most records fit, and a buffer of this size needs no memory mapping of its own."""
_LARGE_READ_BYTES: Final = 1 << 20
_ESCAPED_OR_CAPITAL: Final = re.compile(r"%[0-9A-F]{2}|[A-Z]")

RecordT = TypeVar("RecordT")

Belongs: TypeAlias = Callable[[str | None], bool]
"""Whether the record of a step, by its path as text, or of a run, which is None, is in the right file."""


class RecordFiles:
    """The places of the records in one log folder; as text, since every step needs a few."""

    def __init__(self, folder: Path) -> None:
        self.runs = folder / ".runs"
        self.steps = folder / ".steps"
        self._steps = str(self.steps)

    def run(self, run_id: str) -> Path:
        """The record of the run."""
        return self.runs / run_id

    def removed(self, run_id: str) -> Path:
        """Where the folder of its steps goes when the run is removed; no run id begins with a dot."""
        return self.steps / ".removed" / run_id

    def branch(self, run_id: str, branch: BranchPath) -> str:
        """The folder with the records of the steps directly in the branch."""
        folder = f"{self._steps}/{run_id}"
        for step, key in zip(branch.parts[::2], branch.parts[1::2], strict=True):
            folder = f"{folder}/{file_name(step)}{_INSIDE}/{file_name(key)}"
        return folder

    def changed(self, run_id: str) -> datetime | None:
        """When a record of the run was put last; each is renamed into the folder where it stands. None when there is none."""
        places = [str(self.run(run_id)), *(folder for folder, _, _ in os.walk(str(self.steps / run_id)))]
        times = []
        for place in places:
            with suppress(OSError):  # removed just now
                times.append(Path(place).stat().st_mtime)
        return datetime.fromtimestamp(max(times), UTC) if times else None

    def step(self, run_id: str, path: StepPath) -> str:
        """The record of the step, without its ending."""
        return f"{self.branch(run_id, path.branch)}/{file_name(path.name)}"


class NewestSuccess(NamedTuple):
    """The success that a process put last, and the file of it; its readers mostly ask for this one next."""

    file: str
    identity: tuple[int, ...]
    step: StepRecord

    @classmethod
    def of(cls, file: str, step: StepRecord) -> "NewestSuccess":
        """That of the record in a new file."""
        return cls(file, _identity(file), step)

    def stands_at(self, file: str) -> bool:
        """Whether the file is the same one, and was not written to since."""
        return self.file == file and self.identity == _identity(file) != ()


def _identity(file: str) -> tuple[int, ...]:
    try:
        status = os.stat(file)  # noqa: PTH116 - of every step
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns


def file_name(part: str) -> str:
    """The name of a step or branch as the name of a file; different for all that are different."""
    name = _ESCAPED_OR_CAPITAL.sub(_in_lower_case, print_parts((part,)))
    if not name:
        return "="
    if len(name) <= _LONGEST_NAME:
        return name
    from hashlib import sha256  # lazy: names are short

    return "~" + sha256(part.encode("utf-8", "surrogatepass")).hexdigest()


def names_step(branch: BranchPath, name: str, step: str | None) -> bool:
    """Whether a file of this name in the folder of the branch is that of the step, by its path as text."""
    path = None if step is None else StepPath.parse(step)
    return path is not None and path.branch == branch and file_name(path.name) == name


def content_of(record: StepRecord | RunRecord) -> bytes:
    """A record as it is written: a line with a checksum and a newline, by which damage is recognised."""
    return with_checksum(encoded(record))[1:]


def run_of(text: bytes) -> RunRecord:
    """The record of a run that was read."""
    return codec.run_from_bytes(text)


def step_of(text: bytes) -> StepRecord:
    """The record of a step that was read."""
    return codec.step_from_bytes(text)


def record_in(
    file: AnyPath, decode: Callable[[bytes], RecordT], system: SystemCalls, *, belongs: Belongs
) -> RecordT | None:
    """The record in the file, if it is of a step (None for that of a run) that `belongs` there.

    None when there is no file, and when it is damaged: incomplete, changed, or the record of another step.
    """
    try:
        text = text_in(file, system)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise failures.failed("read", file, error) from error
    return record_of(text, decode, str(file), belongs=belongs)


def record_of(text: bytes, decode: Callable[[bytes], RecordT], place: str, *, belongs: Belongs) -> RecordT | None:
    """The record in the text that is at `place`; None when it is damaged, as `record_in` says."""
    if not is_whole(text, belongs):
        return None
    try:
        return decode(text)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        shown = text[:200].decode(errors="replace")
        raise RunLogStoreError(
            f"'{place}' holds a record that this version of magnus cannot read: {shown}",
            fix="read it with the version that wrote it, or remove the file",
        ) from error


def is_whole(text: bytes, belongs: Belongs) -> bool:
    """Whether the text of a file is a record as it was written, and belongs there."""
    about = heading(text[:-1]) if text.endswith(b"\n") else None
    return about is not None and belongs(about.step)


def is_of_run(step: str | None) -> bool:
    """Whether a record is that of a run."""
    return step is None


def text_in(file: AnyPath, system: SystemCalls) -> bytes:
    """All that is in the file. OSError when it cannot be read."""
    descriptor = system.open(file, READ, 0)
    try:
        blocks: list[bytes] = []
        offset, size = 0, _READ_BYTES
        while block := system.read_at(descriptor, size, offset):
            blocks.append(block)
            offset += len(block)
            if len(block) < size:
                break
            size = _LARGE_READ_BYTES
        return b"".join(blocks)
    finally:
        os.close(descriptor)


def names_in(folder: AnyPath) -> Sequence[str]:
    """The names in the folder; none where there is no folder."""
    try:
        return os.listdir(folder)  # noqa: PTH208 - names are enough
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise failures.failed("read", folder, error) from error


def step_names_in(folder: AnyPath) -> set[str]:
    """The names of the files of steps in the folder of a branch, without their endings."""
    names = names_in(folder)
    done = {name.removesuffix(DONE) for name in names if name.endswith(DONE) and not name.startswith(".")}
    return done.union(
        name.removesuffix(NOT_DONE)
        for name in names
        if name.endswith(NOT_DONE) and not name.startswith(".") and not name.endswith(DONE)
    )


def record_blocks(files: RecordFiles, run_id: str, system: SystemCalls) -> Iterator[bytes]:
    """All of the run's records; one that is replaced meanwhile counts as it is before or after."""
    yield from atomic_files.blocks(files.run(run_id), system)
    for folder, _, names in os.walk(files.branch(run_id, BranchPath())):
        for name in names:
            with suppress(FileNotFoundError):
                yield from atomic_files.blocks(Path(folder, name), system)


def remove_steps(files: RecordFiles, run_id: str, system: SystemCalls) -> None:
    """Move the folder of the steps away, and remove it there, with the leftovers of a killed removal."""
    from shutil import rmtree  # lazy: runs are seldom removed

    removed = files.removed(run_id)
    atomic_files.make_folder(removed.parent, system)
    rmtree(removed, ignore_errors=True)
    with suppress(FileNotFoundError):
        system.replace(files.branch(run_id, BranchPath()), removed)
    rmtree(removed, ignore_errors=True)


def sync_steps(files: RecordFiles, run_id: str, system: SystemCalls) -> None:
    """See that the records of all steps that stand, and their names, survive a loss of power.

    Nobody reads the record before a success, so it needs no sync.
    """

    def sync(place: str) -> None:
        try:
            atomic_files.sync_folder(place, system)
        except FileNotFoundError:
            pass  # the run is being removed
        except OSError as error:
            raise failures.failed("write", place, error) from error

    standing: list[str] = []
    for folder, _, names in os.walk(files.branch(run_id, BranchPath())):
        there = frozenset(names)
        standing += [
            f"{folder}/{name}"
            for name in names
            if name.endswith(DONE) or (name.endswith(NOT_DONE) and name.removesuffix(NOT_DONE) + DONE not in there)
        ]
        standing.append(folder)
    if len(standing) > _MANY:
        _start_writing(standing, system)
    for_each(sync, standing, threads=_SYNC_THREADS)


def _start_writing(places: Sequence[str], system: SystemCalls) -> None:
    """Let the disk write all files at once, and not one after the other as each is synced."""
    for place in places:
        with suppress(OSError):  # the sync of the file reports it
            descriptor = system.open(place, READ, 0)
            try:
                system.start_writing(descriptor)
            finally:
                os.close(descriptor)


def damaged_files(files: RecordFiles, run_id: str, system: SystemCalls) -> Iterator[DamagedRecord]:
    """The files of a run that are no records, or records of another name; OSError when one cannot be read."""

    def belongs(file: str, step: str | None) -> bool:
        place = None if step is None else files.step(run_id, StepPath.parse(step))
        return place is not None and file in {place + DONE, place + NOT_DONE}

    if not is_whole(text := text_in(files.run(run_id), system), is_of_run):
        yield damaged_record(text, f"'{files.run(run_id)}'")
    for folder, _, names in os.walk(files.branch(run_id, BranchPath())):
        for name in sorted(names):
            if name.endswith(NOT_DONE) and not name.startswith("."):
                file = f"{folder}/{name}"
                with suppress(FileNotFoundError):
                    if not is_whole(text := text_in(file, system), partial(belongs, file)):
                        yield damaged_record(text, f"'{file}'")


def _in_lower_case(match: re.Match[str]) -> str:
    text = match[0].lower()
    return text if text.startswith("%") else "=" + text
