"""All record files of a run at once: read, synced, removed. Used by the store that has a file for each record."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from magnus.graph.path import BranchPath
from magnus.run_log_stores import failures
from magnus.run_log_stores.record_files import NOT_DONE, RecordFiles
from magnus.system import atomic_files
from magnus.system.system_calls import SystemCalls


def record_blocks(places: RecordFiles, run_id: str, system: SystemCalls) -> Iterator[bytes]:
    """All of the run's records; one that is replaced meanwhile counts as it is before or after."""
    yield from atomic_files.blocks(places.run(run_id), system)
    for folder, _, names in os.walk(places.branch(run_id, BranchPath())):
        for name in names:
            with suppress(FileNotFoundError):
                yield from atomic_files.blocks(Path(folder, name), system)


def remove_steps(places: RecordFiles, run_id: str, system: SystemCalls) -> None:
    """Move the folder of the steps away, and remove it there, with what a removal left that was killed."""
    from shutil import rmtree  # lazy: runs are seldom removed

    removed = places.removed(run_id)
    atomic_files.make_folder(removed.parent, system)
    rmtree(removed, ignore_errors=True)
    with suppress(FileNotFoundError):
        system.replace(places.branch(run_id, BranchPath()), removed)
    rmtree(removed, ignore_errors=True)


def sync_steps(places: RecordFiles, run_id: str, system: SystemCalls) -> None:
    """See that the records of all steps, and their names, survive a loss of power."""
    for folder, _, names in os.walk(places.branch(run_id, BranchPath())):
        place = Path(folder)
        try:
            for name in names:
                if name.endswith(NOT_DONE):
                    atomic_files.sync_folder(place / name, system)
            atomic_files.sync_folder(place, system)
        except FileNotFoundError:
            continue  # a record that another process has just replaced, or a run that is being removed
        except OSError as error:
            raise failures.failed("write", place, error) from error
