"""Where the records of runs are kept. A store moves records and knows nothing else of runs."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from msgspec import Struct

from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.capabilities import ServiceCapabilities
from magnus.run_log.records import RunRecord, StepRecord

if TYPE_CHECKING:
    from magnus.run_log.summary import DamagedRun, RunSummary  # lazy: only listings need them

__all__ = [
    "CountsSteps",
    "DamagedRecord",
    "DatesRecords",
    "FindsDamage",
    "HoldsConnection",
    "KeepsDocuments",
    "KeepsResults",
    "RemovesLeftovers",
    "RemovesRuns",
    "RunLogStore",
    "StepResult",
    "SummarisesRuns",
]


class RunLogStore(Protocol):
    """Puts and gets records by key.

    Every method may raise RunLogStoreError (the disk, the service); a put that raised has either taken place whole
    or not at all, for every later reader. Any number of threads and, to the store's reach, processes may use one
    run at the same time. A put is seen by every read that starts after it returned.
    """

    @property
    def capabilities(self) -> ServiceCapabilities:
        """How far the store reaches."""
        ...

    def create_run(self, run: RunRecord) -> None:
        """Make the run, durably; of two callers with one run id exactly one succeeds, the other gets RunExists."""
        ...

    def get_run(self, run_id: str) -> RunRecord:
        """The run as last created or updated; RunNotFound when there is none."""
        ...

    def update_run(self, run: RunRecord) -> None:
        """Replace the run's record, durably; RunNotFound when there is none.

        When it raises, the record before stands: a run whose end could not be made durable has not finished.
        """
        ...

    def list_runs(self) -> Sequence[str]:
        """The ids of all runs, sorted by id."""
        ...

    def put_step(self, run_id: str, step: StepRecord, *, durable: bool = False) -> None:
        """Replace the record at the step's path, unless that one is a success: the first success of a path stands.

        The record survives the death of the process when this returns, and loss of power as well when `durable`.
        RunNotFound when there is no such run.
        """
        ...

    def get_step(self, run_id: str, path: StepPath) -> StepRecord | None:
        """The record that stands at `path`; None when there is none. RunNotFound when there is no such run."""
        ...

    def list_steps(self, run_id: str, branch: BranchPath) -> Sequence[StepRecord]:
        """The records of the steps directly in `branch`, by position. RunNotFound when there is no such run."""
        ...

    def close(self) -> None:
        """Give back what is held open; the records stay, and the store can be used again afterwards."""
        ...


@runtime_checkable
class KeepsDocuments(Protocol):
    """A store that also keeps the document people read beside the records; it is written, never read back."""

    def write_document(self, run_id: str, lines: Iterator[str]) -> None:
        """Replace the document of the run by these pieces of text, atomically; RunLogStoreError when it fails."""
        ...


@runtime_checkable
class RemovesRuns(Protocol):
    """A store from which runs can be removed. Of one that does not, runs stay for ever, and are read step by step."""

    def remove_run(self, run_id: str) -> None:
        """Remove the records and the document of the run; RunNotFound when there is none.

        Killed on the way, the run is still listed, and a second call finishes.
        """
        ...

    def mentioned_hashes(self, run_id: str) -> frozenset[str]:
        """Every `data_hash` in the records of the run, in hex; hashes of replaced records may be among them.

        Records that this version cannot read count too. RunNotFound when there is no such run.
        """
        ...


@runtime_checkable
class SummarisesRuns(Protocol):
    """A store that can say in short what runs there are, sooner than by reading the record of each."""

    def summaries(self) -> "Sequence[RunSummary | DamagedRun]":
        """One for each run, sorted by id, as its record is when this is called or later.

        A run whose `get_run` raises RunLogStoreError is a damaged one; it keeps no other from being listed.
        """
        ...


class DamagedRecord(Struct, frozen=True):
    """A record that readers skip, since it is not what was written.

    Attributes:
        step: the path of its step as text, as far as it can be read; "" when it cannot, or of the record of the run.
        problem: what is wrong with it, such as "its checksum is wrong".
        place: where it is, for people.
    """

    step: str
    problem: str
    place: str


@runtime_checkable
class FindsDamage(Protocol):
    """A store that can say which of a run's records it skips. Every store that outlives its process is to be one."""

    def damaged_records(self, run_id: str) -> Sequence[DamagedRecord]:
        """All records of the run that are there and not whole, also where another one stands for them.

        RunNotFound when there is no such run.
        """
        ...


@runtime_checkable
class HoldsConnection(Protocol):
    """A store that holds a connection open between its operations."""

    def connect_by_statement(self) -> None:
        """From now on open a connection for each operation: this process runs one step, and many like it run at once."""
        ...


@runtime_checkable
class CountsSteps(Protocol):
    """A store that can count the steps of a branch sooner than by reading their records."""

    def count_steps(self, run_id: str, branch: BranchPath) -> int:
        """How many steps directly in `branch` have a record; damaged records may count. RunNotFound when there is no such run.

        A step whose record `get_step` returns counts.
        """
        ...


class StepResult(Struct, frozen=True):
    """A step that has a result under some key, and when the key was put, in UTC."""

    run_id: str
    path: StepPath
    time: datetime


@runtime_checkable
class KeepsResults(Protocol):
    """A store that finds results of steps by a key. With another one, steps with `cache` always run.

    A result that is lost only means that its step runs again. The caller checks the record of a step that is found, so
    the run may be gone, and the index may be damaged. RunLogStoreError when it cannot be read or written.
    """

    def put_result(self, key: str, run_id: str, path: StepPath) -> None:
        """Remember that the step at the path succeeded with this key, which is a SHA-256 in hex."""
        ...

    def results(self, key: str) -> Sequence[StepResult]:
        """Steps with this key, the newest first; some of the older ones may be forgotten."""
        ...


@runtime_checkable
class DatesRecords(Protocol):
    """A store that knows when something was put last, sooner than by reading all records."""

    def last_put(self, run_id: str) -> datetime | None:
        """When a record of the run was put last, in UTC; None when there is no such run."""
        ...


@runtime_checkable
class RemovesLeftovers(Protocol):
    """A store in which killed processes can leave files that belong to no run."""

    def remove_leftovers(self, before: datetime) -> None:
        """Remove what was left before this time; RunLogStoreError when that fails."""
        ...


OPTIONAL: Final = frozenset(
    {
        "connect_by_statement",
        "connect_problems",
        "count_steps",
        "damaged_records",
        "last_put",
        "location",
        "mentioned_hashes",
        "missing_credentials",
        "put_result",
        "remove_leftovers",
        "remove_run",
        "results",
        "summaries",
        "variables",
        "write_document",
    }
)
"""What the Protocols that a store may have beside `RunLogStore` consist of, those above, `Connects`, `Located`,
`NeedsCredentials` and `ReadsEnvironment`."""
