"""Gives experiment trackers the files of a step from the catalog, verified and without secrets. Used by `tracking`."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from shutil import copyfileobj
from typing import Final

from magnus.engine.files.objects import OBJECTS, StepObjects, WatchedFile
from magnus.engine.secrets.masking import Masker
from magnus.errors import ExperimentTrackerError, MagnusError, TaskFailed
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.experiment_tracker import TrackedFile
from magnus.interfaces.pickler import Picklers
from magnus.run_log.records import CatalogRecord, StepRecord
from magnus.values import UserObject

_BLOCK_BYTES: Final = 1024 * 1024


def tracked_files(
    catalog: Catalog, picklers: Picklers, run_id: str, record: StepRecord, masker: Masker
) -> Iterator[TrackedFile]:
    """The files and objects that the step put."""
    objects = StepObjects(catalog, picklers, run_id, record.branch, masker=masker)
    for entry in record.catalog:
        if entry.stage == "put":
            name = objects.name_of(entry.name)
            shown = f"{name}{entry.name[entry.name.rindex('.') :]}" if name else entry.name
            copy = partial(_copy, catalog, entry, masker)
            yield TrackedFile(shown, name, entry.data_hash, copy, partial(_load, objects, entry))


def _copy(catalog: Catalog, entry: CatalogRecord, masker: Masker, target: Path) -> None:
    message = f"the file '{entry.name.removeprefix(OBJECTS)}' contains a secret, and is not sent"
    with catalog.open(entry.name, entry.data_hash, entry.size) as source, target.open("wb") as file:
        try:
            copyfileobj(source, file if masker.forms is None else WatchedFile(file, masker, message), _BLOCK_BYTES)
        except TaskFailed as error:
            raise ExperimentTrackerError(message) from error


def _load(objects: StepObjects, entry: CatalogRecord) -> UserObject:
    try:
        return objects.content(entry)
    except MagnusError:
        raise
    except Exception as error:  # unpickling runs code of the user
        name = entry.name.removeprefix(OBJECTS)
        raise ExperimentTrackerError(f"'{name}' cannot be loaded: {type(error).__name__}: {error}") from error
