"""Finds the last record of the run in a file of records, from its end: the one that counts. Used by `file_system`."""

import os
from typing import Final

from magnus.run_log_stores.record_line import heading
from magnus.system.system_calls import SystemCalls

_FIRST_BYTES: Final = 32 * 1024
_LINE: Final = b'{"crc":"'
_CRC_DIGITS: Final = 8
_RUN: Final = b'","run":'
"""What follows the checksum in the record of a run; in other records it is part of a value, if anything."""


def last_run_line(descriptor: int, system: SystemCalls) -> bytes:
    """The line, without its newlines; OSError when the file cannot be read, ValueError when no line is one and whole."""
    end = os.fstat(descriptor).st_size
    size = _FIRST_BYTES
    while True:
        start = max(end - size, 0)
        line = _last_in(system.read_at(descriptor, end - start, start))
        if line is not None:
            return line
        if start == 0:
            raise ValueError("no line is the record of the run")
        size *= 8


def _last_in(block: bytes) -> bytes | None:
    found = block.rfind(_RUN)
    while found >= 0:
        start = found - _CRC_DIGITS - len(_LINE)
        if start >= 0 and block.startswith(_LINE, start) and (start == 0 or block[start - 1] == ord("\n")):
            end = block.find(b"\n", found)
            line = block[start:] if end < 0 else block[start:end]
            about = heading(line)
            if about is not None and about.step is None:
                return line
        found = block.rfind(_RUN, 0, found)
    return None
