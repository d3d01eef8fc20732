"""Finds records that readers skip because their bytes changed. Used by the stores that keep files."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from magnus.interfaces.run_log_store import DamagedRecord
from magnus.run_log_stores.record_line import heading
from magnus.system import atomic_files
from magnus.system.system_calls import SystemCalls

_CHANGED: Final = "its checksum is wrong"
_INCOMPLETE: Final = "it is incomplete"
_ELSEWHERE: Final = "it is the record of another step"
_STEP: Final = re.compile(rb'"step":"([!#-\[\]-~]{1,300})"')
"""The path of a step in damaged bytes: text that a path can be, and a terminal can show."""


def damaged_lines(file: Path, system: SystemCalls) -> Iterator[DamagedRecord]:
    """The lines of a file of records that are none; OSError when it cannot be read."""
    number, rest = 0, b""
    for block in atomic_files.blocks(file, system):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            number += 1
            if line and heading(line) is None:
                yield damaged_record(line, f"line {number} of '{file}'")
    if rest and heading(rest) is None and _is_last(file, rest, system):
        yield damaged_record(rest, f"line {number + 1} of '{file}'")


def damaged_record(text: bytes, place: str) -> DamagedRecord:
    """The record that these bytes, which are at `place`, may have been."""
    path = _STEP.search(text)
    line = text.rstrip(b"\n")
    is_cut = not (line.startswith(b"{") and line.endswith(b"}"))
    problem = _INCOMPLETE if is_cut else _CHANGED if heading(line) is None else _ELSEWHERE
    return DamagedRecord(path[1].decode() if path else "", problem, place)


def _is_last(file: Path, rest: bytes, system: SystemCalls) -> bool:
    """Whether the file still ends so: a record that is just being written is whole a moment later."""
    return b"".join(atomic_files.blocks(file, system)).endswith(rest)
