"""The summaries of runs, stored in a file beside their records, so that a listing reads only the runs that changed.

Used by the stores that keep files. The file can be removed at any time. A run is identified by the size, the times of
the last changes and the inode of its file, and stored only once that file has not changed for a while, so no entry can
be out of date. The file is replaced atomically; if it cannot be written, the next listing reads the runs again.
"""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from zlib import crc32

import msgspec
from msgspec import Struct

from magnus.run_log.summary import DamagedRun, RunSummary
from magnus.run_log_stores import failures
from magnus.system import atomic_files
from magnus.system.system_calls import SystemCalls

_NAME: Final = ".summaries"
_VERSION: Final = b"1"
_SETTLED_NS: Final = 2_000_000_000
"""How old a change must be, for a later one to be certain to have another time."""
_WORTH_WRITING: Final = 64
"""One file is read in the time that it takes to write so many entries."""


class _Row(Struct, frozen=True, array_like=True):
    file: tuple[int, int, int, int]
    summary: RunSummary


_DECODER: Final = msgspec.json.Decoder(list[_Row])

Entry = tuple[str, os.stat_result]
"""The id of a run, and the status of the file with its record."""


class SummaryIndex:
    """The file in `folder`."""

    def __init__(self, folder: Path, system: SystemCalls) -> None:
        self._file = folder / _NAME
        self._system = system

    def summaries(
        self, entries: Iterable[Entry], read: Callable[[str], RunSummary | DamagedRun | None]
    ) -> Sequence[RunSummary | DamagedRun]:
        """One for each entry; `read` reads a changed entry again, and returns None for an entry that is gone."""
        stored = {row.summary.run_id: row for row in self._load()}
        settled = time.time_ns() - _SETTLED_NS
        summaries: list[RunSummary | DamagedRun] = []
        current: list[_Row] = []
        added = 0
        for run_id, status in entries:
            row = stored.get(run_id)
            if row is not None and row.file == _key(status):
                current.append(row)
                summaries.append(row.summary)
            elif (summary := read(run_id)) is not None:
                if summary.run_id != run_id:
                    summary = DamagedRun(run_id, failures.of_another_run(run_id, summary.run_id).problems[0].message)
                summaries.append(summary)
                if isinstance(summary, RunSummary) and status.st_mtime_ns < settled:
                    current.append(_Row(_key(status), summary))
                    added += 1
        removed = len(stored) - (len(current) - added)
        if (added + removed) * _WORTH_WRITING > len(current):
            self._save(current)
        return summaries

    def _load(self) -> Sequence[_Row]:
        """The entries in the file; none when it is not there, not whole, or of another version."""
        try:
            text = b"".join(atomic_files.blocks(self._file, self._system))
        except OSError:
            return ()
        head, _, content = text.partition(b"\n")
        if head != _head(content):
            return ()
        try:
            return _DECODER.decode(content)
        except ValueError:
            return ()

    def _save(self, rows: Sequence[_Row]) -> None:
        content = msgspec.json.encode(rows)
        with suppress(OSError):
            atomic_files.replace(self._file, [_head(content), b"\n", content], self._system, durable=False)


def _key(status: os.stat_result) -> tuple[int, int, int, int]:
    """Differs for any two contents of a file, once the file has not changed for a while."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _head(content: bytes) -> bytes:
    return b"%b %08x" % (_VERSION, crc32(content))
