"""The ledger of a run: its batches and their jobs, written before and after each submission.

It says which jobs a run has after the process that submitted them was killed. A batch without ids was not answered: the
batch system finds its jobs by the key.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from msgspec import Struct, field

from magnus.executors.jobs.run_folder import RunFolder
from magnus.graph.path import StepPath

__all__ = ["LedgerBatch", "add_batch", "add_ids", "is_key", "new_key", "read"]

_KEY: Final = re.compile(r"m[0-9a-f]{12}")


class LedgerBatch(Struct, frozen=True):
    """A batch of the run.

    Attributes:
        key: of the batch.
        paths: the steps, by the index of their jobs.
        ids: the ids of the jobs by index; empty if the submission got no answer, or failed.
    """

    key: str
    paths: tuple[StepPath, ...]
    ids: Mapping[int, str] = field(default_factory=dict)


def new_key() -> str:
    """The key of a new batch."""
    return f"m{os.urandom(6).hex()}"


def is_key(text: str) -> bool:
    """Whether the text can be the key of a batch of any run; the batch system may have lost the key of a job."""
    return _KEY.fullmatch(text) is not None


def add_batch(folder: RunFolder, key: str, paths: Sequence[StepPath]) -> None:
    """Add a batch that is going to be submitted. OSError."""
    _append(folder, {"batch": key, "paths": [str(path) for path in paths]})


def add_ids(folder: RunFolder, key: str, ids: Mapping[int, str]) -> None:
    """Add the jobs of a batch that was submitted. OSError."""
    _append(folder, {"batch": key, "ids": {str(index): job_id for index, job_id in ids.items()}})


def read(folder: RunFolder) -> dict[str, LedgerBatch]:
    """The batches by key; none if there is no ledger. A line that a killed process left incomplete is passed over."""
    batches: dict[str, LedgerBatch] = {}
    try:
        lines = (folder.private / "ledger").read_bytes().split(b"\n")
    except OSError:
        return batches
    for line in lines:
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            entry = json.loads(line)
            key = entry["batch"]
            if "paths" in entry:
                batches[key] = LedgerBatch(key, tuple(StepPath.parse(path) for path in entry["paths"]))
            else:
                ids = {int(index): str(job_id) for index, job_id in entry["ids"].items()}
                batches[key] = LedgerBatch(key, batches[key].paths, ids)
    return batches


def _append(folder: RunFolder, entry: Mapping[str, object]) -> None:
    line = json.dumps(entry).encode("ascii") + b"\n"
    descriptor = os.open(folder.private / "ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)
