"""A file that holds one record: how it is written and read. Used by the store that has a file for each."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from magnus.errors import RunLogStoreError
from magnus.run_log import codec
from magnus.run_log.records import RunRecord, StepRecord
from magnus.run_log_stores import failures
from magnus.run_log_stores.record_line import encoded, heading, with_checksum
from magnus.system.atomic_files import READ
from magnus.system.system_calls import SystemCalls
from magnus.values import Json

_READ_BYTES: Final = 1 << 20

RecordT = TypeVar("RecordT")

Belongs: TypeAlias = Callable[[str | None], bool]
"""Whether the record of a step, by its path as text, or of a run, which is None, is in the right file."""


def content_of(stored: dict[str, Json]) -> bytes:
    """A record as it is written: a line with a checksum that ends, so that a damaged one is known for it."""
    return with_checksum(encoded(stored))[1:]


def run_of(text: bytes) -> RunRecord:
    """The record of a run that was read."""
    return codec.run_from_json(codec.from_bytes(text))


def step_of(text: bytes) -> StepRecord:
    """The record of a step that was read."""
    return codec.step_from_json(codec.from_bytes(text))


def record_in(
    file: Path, decode: Callable[[bytes], RecordT], system: SystemCalls, *, belongs: Belongs
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
    if not is_whole(text, belongs):
        return None
    try:
        return decode(text)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        shown = text[:200].decode(errors="replace")
        raise RunLogStoreError(
            f"'{file}' holds a record that this version of magnus cannot read: {shown}",
            fix="read it with the version that wrote it, or remove the file",
        ) from error


def is_whole(text: bytes, belongs: Belongs) -> bool:
    """Whether the text of a file is a record as it was written, of what belongs there."""
    about = heading(text[:-1]) if text.endswith(b"\n") else None
    return about is not None and belongs(about.step)


def is_of_run(step: str | None) -> bool:
    """Whether a record is that of a run."""
    return step is None


def text_in(file: Path, system: SystemCalls) -> bytes:
    """All that is in the file. OSError when it cannot be read."""
    descriptor = system.open(file, READ, 0)
    try:
        text = b""
        while block := system.read_at(descriptor, _READ_BYTES, len(text)):
            text += block
            if len(block) < _READ_BYTES:
                break
        return text
    finally:
        os.close(descriptor)


def names_in(folder: Path) -> Sequence[str]:
    """What is in the folder; nothing where there is none."""
    try:
        return os.listdir(folder)  # noqa: PTH208 - names are all that is wanted
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise failures.failed("read", folder, error) from error
