"""Where the files of runs are kept, by content. Which step sees which file is in the records, not here."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.capabilities import ServiceCapabilities
from magnus.run_log.records import CatalogRecord


class Catalog(Protocol):
    """Puts and gets files by content.

    Names are relative POSIX paths below a folder, already matched and checked by the engine; a catalog refuses
    (CatalogError) what would read or write outside the folder or its own location all the same. Any number of
    threads and processes may use it at the same time. Every file is written whole or not at all. It can be pickled:
    the child process of a step with a timeout reaches objects through it.
    """

    @property
    def capabilities(self) -> ServiceCapabilities:
        """How far the catalog reaches."""
        ...

    @property
    def compute_data_folder(self) -> str:
        """The folder that globs are relative to where the step does not say; "" is the working directory."""
        ...

    @property
    def strict(self) -> bool:
        """Whether a `put` without a match is a failure where the step does not say."""
        ...

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
        """Keep the files `names` of `folder` and return an entry for each, in that order.

        `unchanged` maps names to the SHA-256 they had when the step got them; a file that still has it is left out.
        With `store_copy` false only the hash is recorded. CatalogError when a file cannot be read or kept, or
        changes while it is read.
        """
        ...

    def get(
        self, run_id: str, branch: BranchPath, entries: Sequence[CatalogRecord], folder: Path
    ) -> tuple[CatalogRecord, ...]:
        """Bring the content of `entries` to their names below `folder`; a file that has it already is left alone.

        Returns the entries with stage `get`. CatalogError when the content is not there or the file cannot be made.
        """
        ...

    def adopt(self, run_id: str, branch: BranchPath, entries: Sequence[CatalogRecord]) -> tuple[CatalogRecord, ...]:
        """Make files that another run put files of this branch, by content and without a copy; entries as put here.

        An entry whose content was not kept is returned as it is. CatalogError when the content is not there any more.
        """
        ...

    def put_stream(
        self, run_id: str, branch: BranchPath, name: str, write: Callable[[BinaryIO], object]
    ) -> CatalogRecord:
        """Keep what `write` writes to the file it gets, as the file `name` of the branch, and return its entry.

        What `write` raises comes through, and nothing is kept then. CatalogError when it cannot be kept.
        """
        ...

    def open(self, name: str, data_hash: str, size: int) -> BinaryIO:
        """The content with this SHA-256 (hex) and size (bytes), to be read; messages call it `name`.

        CatalogError when it is not there.
        """
        ...

    def open_log(self, run_id: str, path: StepPath) -> BinaryIO:
        """The captured output of a step, open for appending; it is no entry and no glob matches it."""
        ...
