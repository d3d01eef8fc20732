"""Where the files of runs are kept, by content. Which step sees which file is in the records, not here."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from msgspec import Struct

from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.capabilities import ServiceCapabilities
from magnus.run_log.records import CatalogRecord

__all__ = [
    "Catalog",
    "Collected",
    "HasSpillThreshold",
    "KeepsChanges",
    "KnowsExecutables",
    "LogStore",
    "Maintained",
    "ReadsLogs",
    "StoresBlobs",
    "Usage",
]


class Catalog(Protocol):
    """Puts and gets files by content.

    Names are relative POSIX paths below a folder, already matched and checked by the engine; a catalog refuses
    (CatalogError) what would read or write outside the folder or its own location all the same. Any number of
    threads and processes may use it at the same time. Every file is written whole or not at all. It can be pickled:
    the child process of a step with a timeout reaches objects through it.

    Content is what its hash says, or an error: no bytes leave the catalog, and none are linked to, before they were
    hashed, or are remembered by a status of their file that cannot lie. DamagedContent, a CatalogError, says that they
    have another hash. A put of the same content puts damaged content right, for all runs that have it.
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

        Returns the entries with stage `get`. CatalogError when the content is not there or the file cannot be made,
        DamagedContent when it is damaged; what is in the place of the file stays then.
        """
        ...

    def adopt(self, run_id: str, branch: BranchPath, entries: Sequence[CatalogRecord]) -> tuple[CatalogRecord, ...]:
        """Make files that another run put files of this branch, by content and without a copy; entries as put here.

        An entry whose content was not kept is returned as it is. CatalogError when the content is not there any more,
        DamagedContent when it is damaged.
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

        CatalogError when it is not there, DamagedContent when it is damaged.
        """
        ...


@runtime_checkable
class LogStore(Protocol):
    """A catalog that keeps what steps print. With another one it is shown, and not kept.

    It is apart from `Catalog`: only a disk has files that a running step could append to, and other stores do without or
    collect what is appended.
    """

    def open_log(self, run_id: str, path: StepPath) -> BinaryIO:
        """The captured output of a step, open for appending; it is no entry and no glob matches it. CatalogError.

        What was flushed can be read within seconds, and all of it once the file is closed. A write and `close` may raise
        CatalogError.
        """
        ...


@runtime_checkable
class ReadsLogs(Protocol):
    """A catalog that gives back what steps printed."""

    def read_log(self, run_id: str, path: StepPath) -> BinaryIO | None:
        """The captured output of a step so far, to be read; None when it has none. CatalogError when it cannot be."""
        ...


class Usage(Struct, frozen=True):
    """A number of files and their bytes together."""

    files: int = 0
    size: int = 0


class Collected(Struct, frozen=True):
    """What was (or would be) removed because no run needs it, and what was left for now because it is young."""

    removed: Usage = Usage()
    young: Usage = Usage()


@runtime_checkable
class Maintained(Protocol):
    """A catalog that can be looked after. Every method may be killed on the way; called again, it finishes.

    CatalogError when the catalog cannot be read or changed.
    """

    def usage(self, run_id: str) -> Usage | None:
        """The files of the run, logs included, however much of it other runs share; None when it has none."""
        ...

    def remove_run(self, run_id: str) -> None:
        """Remove the files of a run that is over; their content goes with the next `collect`. It may have none."""
        ...

    def was_removed(self, run_id: str) -> bool:
        """Whether the files of the run were removed, and none were put since."""
        ...

    def collect(
        self,
        referred: frozenset[str],
        run_ids: Collection[str],
        *,
        without: Collection[str] = (),
        pretend: bool = False,
        is_quiet: Callable[[], bool] | None = None,
    ) -> Collected:
        """Remove content that no run needs.

        Runs need content that is `referred` to, by SHA-256 (hex), content in the files of runs that are not among the
        known `run_ids`, and content that was put (again) within the last day. With `pretend` nothing is changed, and
        the result is as if the files of the runs `without` had been removed.

        If `is_quiet` is given, content of the last day is removed too, except that of the last minute. The function is
        called when puts no longer see the content. If it returns False, a run is active or new, and everything is put
        back.
        """
        ...

    def verify(self, entries: Sequence[CatalogRecord]) -> Sequence[str]:
        """Read the content of each entry again and say in a few words what is wrong with it; "" when nothing is."""
        ...


@runtime_checkable
class HasSpillThreshold(Protocol):
    """A catalog that says which values of parameters are too large for the run log, and come to it instead."""

    @property
    def spill_threshold(self) -> int | None:
        """The bytes of JSON that a value may have at most to stay in the run log; None when all are to stay."""
        ...


@runtime_checkable
class KeepsChanges(Protocol):
    """A catalog that can keep what differs from the commit that a run ran."""

    @property
    def capture_diff(self) -> bool:
        """Whether it is to."""
        ...

    def keep_changes(self, run_id: str, diff: bytes) -> None:
        """Keep the diff beside the logs of the run: it is no entry and no glob matches it. CatalogError."""
        ...


@runtime_checkable
class KnowsExecutables(Protocol):
    """A catalog that says which files may be executed. An export from another one does not keep that."""

    def is_executable(self, entry: CatalogRecord) -> bool:
        """Whether `get` makes a file that may be executed; False when the content is not there. CatalogError."""
        ...


@runtime_checkable
class StoresBlobs(Protocol):
    """A catalog that can store small texts about runs by content, which many runs share; `open` gives them back."""

    def store_blob(self, blob: bytes) -> None:
        """Keep it for as long as records of runs name its SHA-256. CatalogError when it cannot be kept."""
        ...
