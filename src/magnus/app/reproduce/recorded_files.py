"""Restores the files of the project that a run stored in the catalog, as they were when it started."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from magnus.errors import CatalogError, InvalidInput
from magnus.interfaces.catalog import Catalog
from magnus.run_log.records import CatalogRecord, StepRecord

_CHUNK_BYTES: Final = 1 << 20


def files_before(steps: Iterable[StepRecord]) -> Iterator[CatalogRecord]:
    """The files that steps put and that were there before the run started, each once."""
    names = set()
    for step in steps:
        for entry in step.catalog:
            if entry.stage == "put" and entry.preexisting and entry.name not in names:
                names.add(entry.name)
                yield entry


def results_here(steps: Iterable[StepRecord], folder: Path) -> set[str]:
    """The absolute paths of the files in the folder that are results of the run, with the content that it gave them."""
    puts = (entry for step in steps for entry in step.catalog if entry.stage == "put" and not entry.preexisting)
    return {str(folder / entry.name) for entry in puts if has_content(folder / entry.name, entry)}


def has_content(file: Path, entry: CatalogRecord) -> bool:
    """Whether the file has the content of the entry."""
    try:
        if not file.is_file() or file.stat().st_size != entry.size:
            return False
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest() == entry.data_hash
    except OSError:
        return False


def restore(entries: Iterable[CatalogRecord], catalog: Catalog, target: Path, project: Path) -> None:
    """Write the files to the folder `target`; content that the catalog does not have is taken from the project.

    InvalidInput for a file whose content is nowhere.
    """
    for entry in entries:
        place = target / entry.name
        if not place.resolve().is_relative_to(target.resolve()):
            raise InvalidInput(f"the file '{entry.name}' of the run leads out of its folder")
        if has_content(place, entry):
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            _bring(entry, catalog, place)
        except CatalogError as error:
            if not has_content(project / entry.name, entry):
                message = f"the file '{entry.name}' of the run cannot be restored: {error.problems[0].message}"
                fix = f"put the file with the SHA-256 {entry.data_hash} at this place of the project"
                raise InvalidInput(message, fix=fix) from error
            place.write_bytes((project / entry.name).read_bytes())


def _bring(entry: CatalogRecord, catalog: Catalog, place: Path) -> None:
    digest = hashlib.sha256()
    with catalog.open(entry.name, entry.data_hash, entry.size) as source, place.open("wb") as file:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() != entry.data_hash:
        raise CatalogError(f"the content of '{entry.name}' in the catalog is damaged")
