"""A record as one line of JSON with a checksum, by which a line that was cut, torn or changed is recognised.

A line reads `{"crc":"xxxxxxxx",<rest>`: eight hexadecimal digits of the CRC-32 of the bytes after that comma. It is
written with a newline on both sides: the one before it ends the torn line that a dead writer may have left.
"""

import re
from typing import Final, NamedTuple, TypeAlias
from zlib import crc32

from magnus.errors import RunLogStoreError
from magnus.run_log import codec
from magnus.run_log.records import RunRecord, Status, StepRecord
from magnus.run_log_stores.index import Index

_HEAD: Final = len('{"crc":"00000000",')
_HEADING: Final = re.compile(
    rb'\{"crc":"(?P<crc>[0-9a-f]{8})",'
    rb'(?:"run":|"step":"(?P<step>[^"\\]*)","position":[0-9]+,"status":"(?P<status>[A-Z]+)")'
)
_SUCCESS: Final = Status.SUCCESS.value.encode()


Place: TypeAlias = tuple[int, int]
"""The offset and the length of a line in its file, without its newlines; in bytes."""


class Heading(NamedTuple):
    """The subject of a line: the path of a step as text, None for the run itself; and whether it is a success."""

    step: str | None
    success: bool


def encoded(record: StepRecord | RunRecord) -> bytes:
    """The JSON of a record; RunLogStoreError when a value in it has none."""
    try:
        return codec.step_to_bytes(record) if isinstance(record, StepRecord) else codec.run_to_bytes(record)
    except (TypeError, ValueError, RecursionError) as error:
        what = f"step '{record.path}'" if isinstance(record, StepRecord) else f"run '{record.run_id}'"
        message = f"the record of {what} cannot be written as JSON: {error}"
        raise RunLogStoreError(message, fix="set parameters and metrics to JSON values alone") from error


def with_checksum(record: bytes) -> bytes:
    """The line of an encoded record, with a newline before and after it."""
    rest = record[1:]
    return b'\n{"crc":"%08x",%b\n' % (crc32(rest), rest)


def note_lines(lines: bytes, offset: int, steps: Index[Place]) -> Place | None:
    """Note the records of steps among the lines, the first of which is at `offset`; the place of the last record of the run.

    A process that runs one step notes the lines of all steps before. So this is one loop without calls: with a generator of
    headings it took half as long again.
    """
    run: Place | None = None
    branch, standing = "", steps.standing_in("")
    for line in lines.split(b"\n"):
        length = len(line)
        if length and (match := _HEADING.match(line)) is not None:
            crc, step, status = match.groups()
            if int(crc, 16) != crc32(memoryview(line)[_HEAD:]):
                pass  # damaged
            elif step is None:
                run = (offset, length)
            else:
                around, _, name = step.decode().rpartition("/")
                if around != branch:
                    branch, standing = around, steps.standing_in(around)
                other = standing.get(name)
                if other is None or not other[0]:
                    standing[name] = (status == _SUCCESS, (offset, length))
        offset += length + 1
    return run


def heading(line: bytes) -> Heading | None:
    """The subject of a line, without its newlines; None when it is damaged or no record at all."""
    match = _HEADING.match(line)
    if match is None:
        return None
    crc, step, status = match.groups()
    if int(crc, 16) != crc32(memoryview(line)[_HEAD:]):
        return None
    return Heading(None if step is None else step.decode(), status == _SUCCESS)
