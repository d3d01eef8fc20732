"""Reads a whole archive of exported runs, and refuses what an export does not write; nothing is kept but places."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import BinaryIO

from msgspec import Struct

from magnus.app.transfer import references
from magnus.app.transfer.archive import END, FORMAT, HEAD, LONGEST_LINE_BYTES, ArchiveReader, Member
from magnus.errors import InvalidInput
from magnus.graph.path import StepPath
from magnus.run_log import codec
from magnus.run_log.records import RunRecord, StepRecord
from magnus.run_log.run_ids import check_new_run_id
from magnus.values import Json


class ArchivedRun(Struct, frozen=True):
    """A run of an archive: the member with its records, their content hash, and the output of its steps."""

    run_id: str
    records: Member
    digest: str
    logs: Sequence[tuple[StepPath, Member]]


class VerifiedArchive(Struct, frozen=True):
    """An archive that is whole; its members are read again where they are needed."""

    reader: ArchiveReader
    runs: Sequence[ArchivedRun]
    contents: Mapping[str, Member]

    def pieces(self, member: Member) -> Iterator[bytes]:
        """The bytes of a member."""
        return self.reader.pieces(member)

    def run(self, archived: ArchivedRun) -> RunRecord:
        """The record of the run."""
        return codec.run_from_json(next(self._records(archived)))

    def steps(self, archived: ArchivedRun) -> Iterator[StepRecord]:
        """The records of its steps."""
        records = self._records(archived)
        next(records)
        return map(codec.step_from_json, records)

    def _records(self, archived: ArchivedRun) -> Iterator[Json]:
        return self.reader.lines(self.reader.pieces(archived.records))


def verified(file: BinaryIO, shown: str) -> VerifiedArchive:
    """The archive, once all of it was read; InvalidInput if any part is damaged, missing, or no part of an export."""
    return _Verification(ArchiveReader(file, shown)).result()


class _Verification:
    """One pass through an archive."""

    def __init__(self, reader: ArchiveReader) -> None:
        self._reader = reader
        self._run_ids: list[str] = []
        self._records: list[tuple[Member, str]] = []
        self._paths: list[list[StepPath]] = []
        self._logs: list[list[Member]] = []
        self._contents: dict[str, Member] = {}
        self._mentioned: set[str] = set()
        self._missing: set[str] = set()

    def result(self) -> VerifiedArchive:
        for member, pieces in self._reader.members():
            self._take(member, pieces)
        if len(self._logs) != len(self._run_ids):
            raise self._reader.wrong("runs are missing in it")
        if not self._mentioned - self._missing == self._contents.keys():
            raise self._reader.wrong("content is missing in it, or belongs to no run")
        runs = []
        for run_id, (records, digest), paths, logs in zip(
            self._run_ids, self._records, self._paths, self._logs, strict=True
        ):
            if len(paths) != len(logs):
                raise self._reader.wrong("output of steps is missing in it")
            runs.append(ArchivedRun(run_id, records, digest, list(zip(paths, logs, strict=True))))
        return VerifiedArchive(self._reader, runs, self._contents)

    def _take(self, member: Member, pieces: Iterator[bytes]) -> None:
        kind, run, last = member.place
        if not self._run_ids and member.name != HEAD:
            raise self._reader.wrong("it does not start as one")
        if kind in {"records", "logs", "log"} and run != (
            len(self._records) if kind == "records" else len(self._records) - 1
        ):
            raise self._reader.wrong(f"'{member.name}' is of no run in it")
        match kind:
            case "records":
                self._take_records(member, pieces)
            case "logs":
                self._paths.append([self._path(text) for text in self._reader.lines(pieces)])
                self._logs.append([])
            case "log":
                if len(self._logs) != run + 1 or int(last) != len(self._logs[run]):
                    raise self._reader.wrong(f"'{member.name}' is of no step")
                self._logs[run].append(member)
            case "content":
                self._contents[last] = member
            case _:
                self._take_json(member, pieces)

    def _take_json(self, member: Member, pieces: Iterator[bytes]) -> None:
        value = self._reader.value(b"".join(pieces)) if member.size < LONGEST_LINE_BYTES else None
        match value:
            case {"format": int() as version, "runs": list() as run_ids} if member.name == HEAD:
                if version != FORMAT:
                    fix = "install that version of magnus"
                    raise InvalidInput(f"the export has the format {version}, of a newer version of magnus", fix=fix)
                self._run_ids = [check_new_run_id(str(run_id)) for run_id in run_ids]
                if not run_ids or len(set(run_ids)) != len(run_ids):
                    raise self._reader.wrong("it names no runs, or one twice")
            case {"missing": list() as missing} if member.name == END:
                self._missing = {str(data_hash) for data_hash in missing}
            case _:
                raise self._reader.wrong(f"'{member.name}' in it is damaged")

    def _take_records(self, member: Member, pieces: Iterator[bytes]) -> None:
        content, run_id = sha256(), ""

        def hashed() -> Iterator[bytes]:
            for piece in pieces:
                content.update(piece)
                yield piece

        try:
            for number, stored in enumerate(self._reader.lines(hashed())):
                if number == 0:
                    run_id = codec.run_from_json(stored).run_id
                    self._refer(references.of_run(stored))
                else:
                    step = codec.step_from_json(stored)
                    self._refer(references.of_step(step, stored))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            raise self._reader.wrong(f"a record of '{member.name}' cannot be read") from None
        if len(self._records) >= len(self._run_ids) or run_id != self._run_ids[len(self._records)]:
            raise self._reader.wrong(f"'{member.name}' is of another run")
        self._records.append((member, content.hexdigest()))

    def _refer(self, found: Iterator[references.Reference]) -> None:
        for reference in found:
            if not references.is_safe(reference.name) or not references.is_hash(reference.data_hash):
                raise self._reader.wrong("a file in it has a name that leads out of its folder")
            self._mentioned.add(reference.data_hash)

    def _path(self, text: Json) -> StepPath:
        try:
            return StepPath.parse(str(text))
        except (ValueError, KeyError):
            raise self._reader.wrong("the path of a step in it cannot be read") from None
