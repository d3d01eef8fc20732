"""The column in which each run has its summary, with a checksum, so that a listing reads no records."""

from collections.abc import Callable, Sequence
from typing import Final
from zlib import crc32

import msgspec

from magnus.run_log.records import RunRecord
from magnus.run_log.summary import DamagedRun, RunSummary, summary, summary_from_bytes

_HEAD_BYTES: Final = 8
_DECODER: Final = msgspec.json.Decoder(RunSummary)
_ALL: Final = msgspec.json.Decoder(list[RunSummary])


def column(run: RunRecord) -> bytes:
    """The value of the column; b"" for a run whose summary has no JSON in UTF-8: its record is read instead."""
    try:
        content = msgspec.json.encode(summary(run))
    except UnicodeEncodeError:
        return b""
    return b"%08x%b" % (crc32(content), content)


def all_whole(columns: Sequence[bytes]) -> Sequence[RunSummary] | None:
    """The summaries in the columns, sooner than one by one; None if any column is damaged, empty or of another version."""
    contents = [value[_HEAD_BYTES:] for value in columns]
    try:
        if all(
            int(value[:_HEAD_BYTES], 16) == checksum
            for value, checksum in zip(columns, map(crc32, contents), strict=True)
        ):
            return _ALL.decode(b"[" + b",".join(contents) + b"]")
    except ValueError:
        pass
    return None


def decoded(
    rows: Sequence[tuple[str, bytes]], record_of: Callable[[str], bytes | None], problem: Callable[[str], str]
) -> Sequence[RunSummary | DamagedRun]:
    """The summaries of the rows, which are run ids with their columns; `record_of` gives the record of a run.

    It gives None for a damaged record, and `problem` words that.
    """
    return [_one(run_id, value, record_of, problem) for run_id, value in rows]


def _one(
    run_id: str, value: bytes, record_of: Callable[[str], bytes | None], problem: Callable[[str], str]
) -> RunSummary | DamagedRun:
    try:
        if content := _content(value):
            return _DECODER.decode(content)
    except ValueError:
        pass  # a column of another version
    record = record_of(run_id)
    try:
        return DamagedRun(run_id, problem(run_id)) if record is None else summary_from_bytes(record)
    except (KeyError, TypeError, ValueError) as error:
        return DamagedRun(run_id, f"its record cannot be read by this version of magnus: {error}")


def _content(value: bytes) -> bytes:
    """The JSON in the column; b"" when it is damaged or there is none."""
    content = value[_HEAD_BYTES:]
    return content if content and value[:_HEAD_BYTES] == b"%08x" % crc32(content) else b""
