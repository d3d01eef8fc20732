"""A file that holds one record: how it is written and read. Used by the store that has a file for each."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from magnus.errors import RunLogStoreError
from magnus.run_log import codec
from magnus.run_log.records import RunRecord, StepRecord
from magnus.run_log_stores import failures
from magnus.run_log_stores.files import SystemCalls
from magnus.run_log_stores.record_line import encoded
from magnus.values import Json

_READ_BYTES: Final = 1 << 20

RecordT = TypeVar("RecordT")


def content_of(stored: dict[str, Json]) -> bytes:
    """A record as it is written: a line that ends, so that an incomplete one is known for it."""
    return encoded(stored) + b"\n"


def run_of(text: bytes) -> RunRecord:
    """The record of a run that was read."""
    return codec.run_from_json(codec.from_bytes(text))


def step_of(text: bytes) -> StepRecord:
    """The record of a step that was read."""
    return codec.step_from_json(codec.from_bytes(text))


def record_in(file: Path, decode: Callable[[bytes], RecordT], system: SystemCalls) -> RecordT | None:
    """The record in the file; None when there is no file, or one that a crash left incomplete."""
    try:
        text = _text(file, system)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise failures.failed("read", file, error) from error
    if not text.endswith(b"\n"):
        return None
    try:
        return decode(text)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        shown = text[:200].decode(errors="replace")
        raise RunLogStoreError(
            f"'{file}' holds a record that this version of magnus cannot read: {shown}",
            fix="read it with the version that wrote it, or remove the file",
        ) from error


def _text(file: Path, system: SystemCalls) -> bytes:
    descriptor = system.open(file, os.O_RDONLY | os.O_CLOEXEC, 0)
    try:
        text = b""
        while block := system.read(descriptor, _READ_BYTES, len(text)):
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
