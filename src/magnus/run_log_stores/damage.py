"""Records that readers skip because their bytes are not those that were written. Used by the stores that keep files."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from magnus.errors import RunLogStoreError
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.run_log_store import DamagedRecord
from magnus.run_log_stores.one_record import is_of_run, is_whole, text_in
from magnus.run_log_stores.record_files import DONE, NOT_DONE, RecordFiles
from magnus.run_log_stores.record_line import heading
from magnus.system import atomic_files
from magnus.system.system_calls import SystemCalls

_CHANGED: Final = "its checksum is wrong"
_INCOMPLETE: Final = "it is incomplete"
_ELSEWHERE: Final = "it is the record of another step"
_STEP: Final = re.compile(rb'"step":"([!#-\[\]-~]{1,300})"')
"""What may be the path of a step in damaged bytes: text that a path can be, and a terminal can show."""


def damaged_lines(file: Path, system: SystemCalls) -> Iterator[DamagedRecord]:
    """The lines of a file of records that are none; OSError when it cannot be read."""
    number, rest = 0, b""
    for block in atomic_files.blocks(file, system):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            number += 1
            if line and heading(line) is None:
                yield _of_bytes(line, f"line {number} of '{file}'")
    if rest and heading(rest) is None and _is_last(file, rest, system):
        yield _of_bytes(rest, f"line {number + 1} of '{file}'")


def damaged_files(places: RecordFiles, run_id: str, system: SystemCalls) -> Iterator[DamagedRecord]:
    """The files of a run that are no records, or not those of their names; OSError when one cannot be read."""

    def belongs(file: Path, step: str | None) -> bool:
        place = None if step is None else places.step(run_id, StepPath.parse(step))
        return (
            place is not None
            and file.parent == place.parent
            and file.name in {place.name + DONE, place.name + NOT_DONE}
        )

    if not is_whole(text := text_in(places.run(run_id), system), is_of_run):
        yield _of_bytes(text, f"'{places.run(run_id)}'")
    for folder, _, names in os.walk(places.branch(run_id, BranchPath())):
        for file in (Path(folder, name) for name in sorted(names)):
            if file.name.endswith(NOT_DONE) and not file.name.startswith("."):
                with suppress(FileNotFoundError):
                    if not is_whole(text := text_in(file, system), partial(belongs, file)):
                        yield _of_bytes(text, f"'{file}'")


def _of_bytes(text: bytes, place: str) -> DamagedRecord:
    """The record that these bytes may have been."""
    found = _STEP.search(text)
    line = text.rstrip(b"\n")
    is_cut = not (line.startswith(b"{") and line.endswith(b"}"))
    problem = _INCOMPLETE if is_cut else _CHANGED if heading(line) is None else _ELSEWHERE
    return DamagedRecord(found[1].decode() if found else "", problem, place)


def no_run_record(file: Path) -> RunLogStoreError:
    """The file that makes a run has no record of it that is whole."""
    return RunLogStoreError(f"'{file}' is damaged: it holds no record of the run", fix="remove the file")


def _is_last(file: Path, rest: bytes, system: SystemCalls) -> bool:
    """Whether the file still ends so: what is being written just now is whole a moment later."""
    return b"".join(atomic_files.blocks(file, system)).endswith(rest)
