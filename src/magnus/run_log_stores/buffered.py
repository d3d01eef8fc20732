"""The run log store of type `buffered`: run logs in the memory of this process, which end with it.

Records are kept as the JSON they would be on disk, so that no caller can change one by changing a value in it,
and so that records come back as from every other store.
"""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import ClassVar

from msgspec import Struct

from magnus.errors import RunExists, RunNotFound
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.capabilities import Locality, ServiceCapabilities
from magnus.run_log import codec
from magnus.run_log.json_bytes import mentioned_hashes
from magnus.run_log.records import RunRecord, Status, StepRecord
from magnus.run_log_stores.index import Index
from magnus.run_log_stores.record_line import encoded


class BufferedOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The store has no options."""


class BufferedRunLogStore:
    """Run logs in memory, for any number of threads."""

    options: ClassVar[type[BufferedOptions]] = BufferedOptions

    def __init__(self, options: BufferedOptions, working_directory: Path) -> None:  # noqa: ARG002  # all stores are made so
        self._runs: dict[str, _Run] = {}
        self._lock = Lock()

    @property
    def capabilities(self) -> ServiceCapabilities:
        """This process alone can use it, and it dies with it."""
        return ServiceCapabilities(reach=Locality.PROCESS, persistent=False)

    def create_run(self, run: RunRecord) -> None:
        """Remember the run."""
        record = encoded(run)
        with self._lock:
            if run.run_id in self._runs:
                raise RunExists(f"there is a run '{run.run_id}' already", fix="choose another run id")
            self._runs[run.run_id] = _Run(record)

    def get_run(self, run_id: str) -> RunRecord:
        """The record of the run that was put last."""
        with self._lock:
            record = self._run(run_id).record
        return codec.run_from_bytes(record)

    def update_run(self, run: RunRecord) -> None:
        """Replace the record of the run."""
        record = encoded(run)
        with self._lock:
            self._run(run.run_id).record = record

    def list_runs(self) -> Sequence[str]:
        """The ids of all runs."""
        with self._lock:
            return sorted(self._runs)

    def put_step(self, run_id: str, step: StepRecord, *, durable: bool = False) -> None:  # noqa: ARG002
        """Remember the record; nothing in memory is ever durable."""
        record = encoded(step)
        with self._lock:
            self._run(run_id).steps.note(str(step.path), record, success=step.status is Status.SUCCESS)

    def get_step(self, run_id: str, path: StepPath) -> StepRecord | None:
        """The record that stands for the step."""
        with self._lock:
            record = self._run(run_id).steps.place(str(path))
        return None if record is None else codec.step_from_bytes(record)

    def list_steps(self, run_id: str, branch: BranchPath) -> Sequence[StepRecord]:
        """The records that stand for the steps of the branch, by position."""
        with self._lock:
            records = self._run(run_id).steps.places(str(branch))
        return sorted((codec.step_from_bytes(record) for record in records), key=lambda step: step.position)

    def remove_run(self, run_id: str) -> None:
        """Forget the run."""
        with self._lock:
            self._run(run_id)
            del self._runs[run_id]

    def mentioned_hashes(self, run_id: str) -> frozenset[str]:
        """Every `data_hash` in the records that stand."""
        with self._lock:
            run = self._run(run_id)
            return mentioned_hashes((run.record, *run.steps.all_places()))

    def close(self) -> None:
        """Nothing is held open."""

    def _run(self, run_id: str) -> "_Run":
        try:
            return self._runs[run_id]
        except KeyError:
            raise RunNotFound(
                f"there is no run '{run_id}' in the memory of this process",
                fix="run logs of type buffered end with their process: configure another run_log_store",
            ) from None


class _Run:
    """A run in memory: its record and the records of its steps, each as JSON."""

    __slots__ = ("record", "steps")

    def __init__(self, record: bytes) -> None:
        self.record = record
        self.steps: Index[bytes] = Index()
