"""The run log store of type `object-store`: one object a record, in S3, Google Cloud Storage, Azure Blob Storage or a folder.

Made by `app.composition`. The layout is that of `chunked-fs`: the record of a run and that of a success are created, so
the first one stands, and others are replaced. A store that replaces objects although a request says to create them, as
old servers do, is refused when the first run is created.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import ClassVar, Final, TypeVar

from magnus.errors import InvalidRunId, RunLogStoreError
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.run_log_store import DamagedRecord, StepResult
from magnus.object_stores import keys
from magnus.object_stores.address import ObjectLocation
from magnus.object_stores.client import ObstoreObjects
from magnus.object_stores.interface import ObjectStoreFailure
from magnus.object_stores.service import ObjectStoreService
from magnus.run_log.json_bytes import mentioned_hashes
from magnus.run_log.records import RunRecord, Status, StepRecord
from magnus.run_log.summary import DamagedRun, RunSummary, summary_from_bytes
from magnus.run_log_stores import failures, record_files, record_objects, result_files
from magnus.run_log_stores.record_files import DONE, NOT_DONE, Belongs, is_of_run
from magnus.system.parallel import for_each

_VERSION: Final = b"1\n"
_LONGEST_RUN_ID: Final = 200
"""In bytes; encoded in a key it must not be longer either."""
_DOCUMENT_BYTES: Final = 1 << 20

RecordT = TypeVar("RecordT")


class ObjectStoreRunLogStore(ObjectStoreService):
    """Run logs as an object for each record, for any number of threads, processes and machines."""

    called: ClassVar[str] = "run log store"
    options: ClassVar[type[ObjectLocation]] = ObjectLocation

    def __init__(
        self, options: ObjectLocation, _working_directory: Path, objects: ObstoreObjects | None = None
    ) -> None:
        super().__init__(objects or ObstoreObjects(options))
        self._is_tried = False

    def create_run(self, run: RunRecord) -> None:
        """Create the record of the run; before the first one, see that the store does not replace objects when it creates some."""
        failures.refuse_unusable(run.run_id, _LONGEST_RUN_ID)
        if not record_objects.is_usable(run.run_id):
            message = f"the run id '{run.run_id}' cannot be used: it is too long"
            raise InvalidRunId(message, fix="use letters, digits, '-', '_' and '.'")
        content = record_files.content_of(run)
        with _failing():
            self._refuse_replacing_store()
            if not self._objects.create(record_objects.run(run.run_id), content):
                raise failures.run_exists(run.run_id, self._objects.shown)
            # of a removed run of this id, whose process was killed while it put a record
            self._objects.delete([each.key for each in self._objects.list(record_objects.steps(run.run_id))])

    def get_run(self, run_id: str) -> RunRecord:
        """The record of the run that was put last."""
        with _failing():
            run = self._run(run_id, record_files.run_of)
        if run.run_id != run_id:
            raise failures.of_another_run(run_id, run.run_id)
        return run

    def update_run(self, run: RunRecord) -> None:
        """Replace the record of the run. All records are as durable as the store is."""
        content = record_files.content_of(run)
        with _failing():
            self._refuse_missing(run.run_id)
            self._objects.put(record_objects.run(run.run_id), content)

    def list_runs(self) -> Sequence[str]:
        """The ids of all runs, by the keys of their records; other objects are no runs."""
        with _failing():
            names = (each.key.rpartition("/")[2] for each in self._objects.list(record_objects.RUNS))
            run_ids = (keys.text_of(name) for name in names)
            return sorted(run_id for run_id in run_ids if run_id and record_objects.is_usable(run_id))

    def summaries(self) -> Sequence[RunSummary | DamagedRun]:
        """The summaries of all runs; their records are read, many at a time."""
        run_ids = self.list_runs()
        with _failing():
            texts = self._objects.get_each([record_objects.run(run_id) for run_id in run_ids])
        summaries = (
            self._summary(run_id, text) for run_id, text in zip(run_ids, texts, strict=True) if text is not None
        )
        return list(summaries)

    def last_put(self, run_id: str) -> datetime | None:
        """When an object of the run was written last, by the clock of the store."""
        if not record_objects.is_usable(run_id):
            return None
        with _failing():
            run = self._objects.head(record_objects.run(run_id))
            if run is None:
                return None
            steps = self._objects.list(record_objects.steps(run_id))
            return max((each.modified for each in steps), default=run.modified)

    def put_step(self, run_id: str, step: StepRecord, *, durable: bool = False) -> None:  # noqa: ARG002 - always
        """Put the record where readers look for it, unless the step has succeeded before.

        At the same time the store looks for the run, as every request waits for the network: if there is none, nobody
        reads the record, and it is deleted.
        """
        self._refuse_unusable(run_id)
        content = record_files.content_of(step)
        key = record_objects.step(run_id, step.path) + (DONE if step.status is Status.SUCCESS else NOT_DONE)
        requests = (partial(self._has_run, run_id), partial(self._put, key, content, step))
        with _failing():
            has_run, _ = for_each(lambda request: request(), requests, threads=2)
            if not has_run:
                self._objects.delete([key])
                raise failures.run_not_found(run_id, self._objects.shown)

    def _put(self, key: str, content: bytes, step: StepRecord) -> bool:
        """Put or create the record; the result has no meaning."""
        if step.status is not Status.SUCCESS:
            self._objects.put(key, content)
        elif not self._objects.create(key, content):
            self._replace_damaged(key, content, step.path)
        return True

    def _replace_damaged(self, key: str, content: bytes, path: StepPath) -> None:
        """Replace the record of a success if it is damaged: the first success stands."""
        standing = self._objects.get(key)
        if standing is None or not record_files.is_whole(standing, str(path).__eq__):
            self._objects.put(key, content)

    def get_step(self, run_id: str, path: StepPath) -> StepRecord | None:
        """The record of the step's success, or else the one put last."""
        key = record_objects.step(run_id, path)
        with _failing():
            for ending in (DONE, NOT_DONE):
                text = self._objects.get(key + ending) if record_objects.is_usable(run_id) else None
                if step := self._record(key + ending, text, record_files.step_of, str(path).__eq__):
                    return step
            self._refuse_missing(run_id)
        return None

    def list_steps(self, run_id: str, branch: BranchPath) -> Sequence[StepRecord]:
        """The records of the steps of the branch, by position, without the branches inside it."""
        with _failing():
            self._refuse_missing(run_id)
            listed = {each.key for each in self._objects.list_direct(record_objects.branch(run_id, branch))}
            # a record that was put before its success, and one whose success is damaged, are read last
            done = sorted(key for key in listed if key.endswith(DONE))
            steps = self._steps(branch, done, DONE)
            rest = sorted(key for key in listed if not key.endswith(DONE) and key.removesuffix(NOT_DONE) not in steps)
            steps |= self._steps(branch, rest, NOT_DONE)
        return sorted(steps.values(), key=lambda step: step.position)

    def _steps(self, branch: BranchPath, listed: Sequence[str], ending: str) -> dict[str, StepRecord]:
        """The whole records of these keys, by key without its ending."""
        steps: dict[str, StepRecord] = {}
        for key, text in zip(listed, self._objects.get_each(listed), strict=True):
            place = key.removesuffix(ending)
            belongs = partial(record_objects.names_step, branch, place.rpartition("/")[2])
            if step := self._record(key, text, record_files.step_of, belongs):
                steps[place] = step
        return steps

    def put_result(self, key: str, run_id: str, path: StepPath) -> None:
        """Replace the object of the key by one with the step first."""
        with _failing():
            self._objects.put(record_objects.results(key), result_files.with_result(self.results(key), run_id, path))

    def results(self, key: str) -> Sequence[StepResult]:
        """The steps in the object of the key."""
        with _failing():
            content = self._objects.get(record_objects.results(key))
        return [] if content is None else result_files.results_in(content)

    def write_document(self, run_id: str, lines: Iterator[str]) -> None:
        """Put the document in the place of the one before."""
        with _failing():
            self._objects.upload(record_objects.document(run_id), _blocks(lines))

    def remove_run(self, run_id: str) -> None:
        """Remove the document, the steps, and at last the record, which makes it a run."""
        with _failing():
            self._refuse_missing(run_id)
            steps = [each.key for each in self._objects.list(record_objects.steps(run_id))]
            self._objects.delete([record_objects.document(run_id), *steps])
            self._objects.delete([record_objects.run(run_id)])

    def remove_leftovers(self, before: datetime) -> None:
        """Remove what was left of objects that were not written to the end."""
        with _failing():
            self._objects.remove_leftovers(before, folders=record_objects.FOLDERS, is_own=record_objects.is_own)

    def mentioned_hashes(self, run_id: str) -> frozenset[str]:
        """Every `data_hash` in the objects of the run."""
        with _failing():
            self._refuse_missing(run_id)
            texts = self._objects.get_each(record_objects.all_keys(self._objects, run_id))
        return mentioned_hashes(text for text in texts if text is not None)

    def damaged_records(self, run_id: str) -> Sequence[DamagedRecord]:
        """The objects of the run that are no records, or records of another key."""
        with _failing():
            self._refuse_missing(run_id)
            return tuple(record_objects.damaged(self._objects, run_id))

    def close(self) -> None:
        """The client closes its connections when they are idle."""

    def _refuse_replacing_store(self) -> None:
        """RunLogStoreError when the store replaces what it should create, or has records of a newer version."""
        if self._is_tried:
            return
        version = self._objects.get(record_objects.FORMAT)
        if version is None:
            probe = f"{record_objects.PROBE}{os.urandom(8).hex()}"
            try:
                self._objects.create(probe, b"first")
                is_replaced = self._objects.create(probe, b"second") or self._objects.get(probe) != b"first"
            finally:
                with suppress(ObjectStoreFailure):
                    self._objects.delete([probe])
            if is_replaced:
                raise RunLogStoreError(
                    f"'{self._objects.shown}' replaces objects that it should create (If-None-Match is ignored): two runs "
                    "could get one id, and a late attempt could replace a success",
                    fix="update the server, or use another store",
                )
            self._objects.create(record_objects.FORMAT, _VERSION)
        elif version != _VERSION:
            message = f"'{self._objects.shown}' has run logs of a newer version of magnus"
            raise RunLogStoreError(message, fix="update magnus, or set `url` to another prefix")
        self._is_tried = True

    def _refuse_missing(self, run_id: str) -> None:
        """RunNotFound when there is no such run."""
        self._refuse_unusable(run_id)
        if not self._has_run(run_id):
            raise failures.run_not_found(run_id, self._objects.shown)

    def _refuse_unusable(self, run_id: str) -> None:
        """RunNotFound when no run can have the id."""
        if not record_objects.is_usable(run_id):
            raise failures.run_not_found(run_id, self._objects.shown)

    def _has_run(self, run_id: str) -> bool:
        return self._objects.head(record_objects.run(run_id)) is not None

    def _run(self, run_id: str, decode: Callable[[bytes], RecordT]) -> RecordT:
        key = record_objects.run(run_id)
        text = self._objects.get(key) if record_objects.is_usable(run_id) else None
        if text is None:
            raise failures.run_not_found(run_id, self._objects.shown)
        run = self._record(key, text, decode, is_of_run)
        if run is None:
            raise failures.no_run_record(f"{self._objects.shown}/{key}")
        return run

    def _summary(self, run_id: str, text: bytes) -> RunSummary | DamagedRun:
        place = f"{self._objects.shown}/{record_objects.run(run_id)}"
        try:
            summary = record_files.record_of(text, summary_from_bytes, place, belongs=is_of_run)
        except RunLogStoreError as error:
            return DamagedRun(run_id, error.problems[0].message)
        if summary is None:
            return DamagedRun(run_id, failures.no_run_record(place).problems[0].message)
        if summary.run_id != run_id:
            return DamagedRun(run_id, failures.of_another_run(run_id, summary.run_id).problems[0].message)
        return summary

    def _record(
        self, key: str, text: bytes | None, decode: Callable[[bytes], RecordT], belongs: Belongs
    ) -> RecordT | None:
        if text is None:
            return None
        return record_files.record_of(text, decode, f"{self._objects.shown}/{key}", belongs=belongs)


def _blocks(lines: Iterator[str]) -> Iterator[bytes]:
    """The text in blocks that are worth a call."""
    waiting: list[bytes] = []
    size = 0
    for line in lines:
        waiting.append(line.encode())
        size += len(waiting[-1])
        if size >= _DOCUMENT_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


@contextmanager
def _failing() -> Iterator[None]:
    """Failures of requests as errors of the store."""
    try:
        yield
    except ObjectStoreFailure as error:
        raise RunLogStoreError(f"the run log store {error.problem.message}", fix=error.problem.fix) from error
