"""A catalog that reads another one and never writes to it: puts go to a folder that is gone afterwards. Used by `step_again`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from magnus.errors import CatalogError
from magnus.graph.path import BranchPath
from magnus.interfaces.capabilities import ServiceCapabilities
from magnus.interfaces.catalog import Catalog
from magnus.run_log.records import CatalogRecord


class ScratchCatalog(Struct, frozen=True):
    """Reads from `original` what `scratch` does not have, and writes to `scratch` alone; see `Catalog`."""

    original: Catalog
    scratch: Catalog

    @property
    def capabilities(self) -> ServiceCapabilities:
        """As the scratch catalog."""
        return self.scratch.capabilities

    @property
    def compute_data_folder(self) -> str:
        """As the original."""
        return self.original.compute_data_folder

    @property
    def strict(self) -> bool:
        """As the original."""
        return self.original.strict

    def put(
        self,
        run_id: str,
        branch: BranchPath,
        folder: Path,
        names: Sequence[str],
        *,
        unchanged: Mapping[str, str],
        store_copy: bool = True,
    ) -> tuple[CatalogRecord, ...]:
        """Put into the scratch catalog."""
        return self.scratch.put(run_id, branch, folder, names, unchanged=unchanged, store_copy=store_copy)

    def get(
        self, run_id: str, branch: BranchPath, entries: Sequence[CatalogRecord], folder: Path
    ) -> tuple[CatalogRecord, ...]:
        """Write the content to the folder, from the scratch catalog where it has it. The run has no entries of it."""
        return tuple(self._got(run_id, branch, entry, folder) for entry in entries)

    def _got(self, run_id: str, branch: BranchPath, entry: CatalogRecord, folder: Path) -> CatalogRecord:
        try:
            [got] = self.scratch.get(run_id, branch, [entry], folder)  # also finds out that the file is in place
        except CatalogError:
            [got] = self.original.get(run_id, branch, [entry], folder)
        return got

    def adopt(self, run_id: str, branch: BranchPath, entries: Sequence[CatalogRecord]) -> tuple[CatalogRecord, ...]:
        """Return the entries as they are: their content is there."""
        del run_id, branch
        return tuple(entries)

    def put_stream(
        self, run_id: str, branch: BranchPath, name: str, write: Callable[[BinaryIO], object]
    ) -> CatalogRecord:
        """Put into the scratch catalog."""
        return self.scratch.put_stream(run_id, branch, name, write)

    def open(self, name: str, data_hash: str, size: int) -> BinaryIO:
        """The content, of the scratch catalog where it has it."""
        try:
            return self.scratch.open(name, data_hash, size)
        except CatalogError:
            return self.original.open(name, data_hash, size)
