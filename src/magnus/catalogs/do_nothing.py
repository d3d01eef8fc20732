"""The catalog of type `do-nothing`: it keeps nothing and records nothing."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, ClassVar

from msgspec import Struct

from magnus.errors import CatalogError
from magnus.graph.path import BranchPath
from magnus.interfaces.capabilities import Locality, ServiceCapabilities
from magnus.run_log.records import CatalogRecord


class DoNothingOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """It has none."""


class DoNothingCatalog:
    """Files stay where the steps made them, and are not recorded."""

    options: ClassVar[type[DoNothingOptions]] = DoNothingOptions

    def __init__(self, _options: DoNothingOptions, _working_directory: Path) -> None:
        """Nothing is kept."""

    @property
    def capabilities(self) -> ServiceCapabilities:
        """It can be used from anywhere, as there is nothing to reach; it keeps nothing."""
        return ServiceCapabilities(reach=Locality.NETWORK, persistent=True, keeps=False)

    @property
    def compute_data_folder(self) -> str:
        """The working directory."""
        return ""

    @property
    def strict(self) -> bool:
        """Never; nothing is put."""
        return False

    def put(  # noqa: D102 - the Protocol says it
        self,
        run_id: str,
        branch: BranchPath,
        folder: Path,
        names: Sequence[str],
        *,
        unchanged: Mapping[str, str],
        store_copy: bool = True,
    ) -> tuple[CatalogRecord, ...]:
        del run_id, branch, folder, names, unchanged, store_copy
        return ()

    def get(  # noqa: D102 - the Protocol says it
        self, run_id: str, branch: BranchPath, entries: Sequence[CatalogRecord], folder: Path
    ) -> tuple[CatalogRecord, ...]:
        del run_id, branch, entries, folder
        return ()

    def adopt(  # noqa: D102 - the Protocol says it
        self, run_id: str, branch: BranchPath, entries: Sequence[CatalogRecord]
    ) -> tuple[CatalogRecord, ...]:
        del run_id, branch
        return tuple(entries)

    def put_stream(  # noqa: D102 - the Protocol says it
        self, run_id: str, branch: BranchPath, name: str, write: Callable[[BinaryIO], object]
    ) -> CatalogRecord:
        del run_id, branch, write
        raise CatalogError(f"the catalog of type 'do-nothing' cannot keep '{name}'", fix="configure another catalog")

    def open(self, name: str, data_hash: str, size: int) -> BinaryIO:  # noqa: D102 - the Protocol says it
        del data_hash, size
        raise CatalogError(f"the catalog of type 'do-nothing' does not keep '{name}'", fix="configure another catalog")
