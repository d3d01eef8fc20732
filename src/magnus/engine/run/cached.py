"""Decides whether a step with `cache` reuses the result of an earlier step, and takes it over. Used by the orchestrator
and by re-entry, beside `engine.run.reuse`.

An earlier step is found by its key (`engine.run.step_keys`). Its record is checked before it is used: it is a success with
this key, and the catalog has all its content. A result is put under its key only if its code was the same all along.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from magnus.engine.context import RunContext
from magnus.engine.files.objects import OBJECTS
from magnus.engine.rules import scope as scopes
from magnus.engine.run import cache_key
from magnus.engine.run.cache_reasons import difference
from magnus.engine.run.code_files import changed_files
from magnus.engine.run.put_sources import PutSources
from magnus.engine.run.reuse import lost_content
from magnus.engine.run.step_keys import StepKeys
from magnus.errors import CatalogError, MagnusError, RunLogStoreError, RunNotFound
from magnus.graph.nodes import TaskNode
from magnus.graph.path import StepPath
from magnus.interfaces.reporter import StepReused, Warned
from magnus.interfaces.run_log_store import KeepsResults, StepResult
from magnus.run_log.records import (
    BranchScope,
    CacheRecord,
    CatalogRecord,
    CodeIdentity,
    RunRecord,
    Status,
    StepRecord,
)

NO_EARLIER_RESULT: Final = "no earlier result"
_RENEWED_AFTER: Final = timedelta(hours=1)
"""The age from which a result that is reused is also put under its key for the run that reuses it."""


class _Pending(Struct, frozen=True):
    """A step that runs: its key, the files of its code as they were, and when that was decided."""

    key: str
    statuses: Mapping[str, tuple[int, ...]]
    time: datetime


class CachedResults:
    """The results that steps of the run of `context` may reuse.

    If processes of another environment run the steps, they decide again, and put the results. With `whole` the inputs of all
    steps are computed together.
    """

    def __init__(self, context: RunContext, run: RunRecord, *, whole: bool = True) -> None:
        self._context = context
        self._run = run
        self._runs_here = not context.reenters
        store = context.services.run_log_store
        self._results = store if isinstance(store, KeepsResults) else None
        self._identities: dict[str, tuple[CodeIdentity, ...]] = {}
        self._pending: dict[StepPath, _Pending] = {}
        self._sources = PutSources(context)
        self.keys = StepKeys(context)
        self._refused = run.run_config.get("no_cache") is True
        self._refreshed = frozenset(run.run_config.get("refresh") or ())
        if whole:  # before any step imports what they read
            with suppress(MagnusError, OSError):
                self.keys.compute([task for task in context.graph.tasks() if task.cache is not None and not task.mock])

    def decide(self, path: StepPath, position: int, scope: BranchScope) -> StepRecord | CacheRecord | None:
        """The record of the step with a reused result, which is put; or why the step runs; None for one without `cache`."""
        node = self._context.graph.step(path)
        if not isinstance(node, TaskNode) or node.cache is None or node.mock:
            return None
        try:
            return self._decided(node, path, position, scope)
        except (MagnusError, OSError) as error:  # of a service, or a file: the step runs, and shows what is wrong
            return CacheRecord(reason=f"its key cannot be computed: {self._context.masker.mask(str(error))}")

    def keep(self, step: StepRecord) -> None:
        """Put the result of a step that ran under its key, unless its code changed meanwhile."""
        pending = self._pending.pop(step.path, None)
        if pending is None or self._results is None or not self._runs_here:
            return
        if step.cache is None or step.cache.key != pending.key or step.status is not Status.SUCCESS:
            return
        if changed := next(changed_files(pending.statuses, self.keys.loaded), None):
            message = f"its result is not cached: '{os.path.relpath(changed)}' changed since it was read"
            self._context.reporter.report(Warned(message, step.path))
            return
        try:
            if not any(result.time > pending.time for result in self._results.results(step.cache.key)):
                self._results.put_result(step.cache.key, self._context.run_id, step.path)
                self._results.put_result(self._key_of_step(step.path), self._context.run_id, step.path)
        except (RunLogStoreError, RunNotFound) as error:
            self._warn(error)

    def peek(self, path: StepPath, scope: BranchScope, *, verified: bool = True) -> StepRecord | str:
        """The record of the step that would be reused, or why the step would run. Nothing is written.

        Unless `verified`, the content of a result is not read, and is taken for whole.
        """
        node = self._context.graph.step(path)
        assert isinstance(node, TaskNode)
        try:
            cache, known = self._look_up(node, path, scope, verified=verified)
        except (MagnusError, OSError) as error:
            return self._context.masker.mask(str(error))
        return cache.reason if known is None else known[0]

    def _decided(self, node: TaskNode, path: StepPath, position: int, scope: BranchScope) -> StepRecord | CacheRecord:
        now = self._context.clock.now()
        cache, known = self._look_up(node, path, scope)
        if known is not None:
            taken = self._taken(*known, path, position, scope)
            if taken is not None:
                return taken
            cache = replace(cache, reason=f"its content is gone (run '{known[1].run_id}')")
        if cache.key:
            self._pending[path] = _Pending(cache.key, self.keys.inputs(node).statuses, now)
        return cache

    def _look_up(
        self, node: TaskNode, path: StepPath, scope: BranchScope, *, verified: bool = True
    ) -> tuple[CacheRecord, tuple[StepRecord, StepResult] | None]:
        """The key of the step with the reason to run it, or with the earlier step whose result it can reuse."""
        if node.cache is not None and node.cache.environment and not self._runs_here:
            return CacheRecord(reason="its environment is that of another process"), None
        if self._results is None:
            return CacheRecord(reason="the run log store keeps no results"), None
        if why := self.keys.obstacle(node, scope):
            return CacheRecord(reason=why), None
        step_key = self.keys.key(node, scope)
        cache = CacheRecord(step_key.key, step_key.inputs)
        if self._refused:
            return replace(cache, reason="--no-cache"), None
        if not self._refreshed.isdisjoint(_names_around(path)):
            return replace(cache, reason="--refresh"), None
        why = ""
        for result in self._found(step_key.key):
            record, problem = self._usable(node, result, step_key.key, verified=verified)
            if record is not None:
                return cache, (record, result)
            why = why or problem
        if why:
            return replace(cache, reason=why), None
        compared_with, reason = self._difference(path, step_key)
        return replace(cache, reason=reason, compared_with=compared_with), None

    def _difference(self, path: StepPath, step_key: cache_key.StepKey) -> tuple[str, str]:
        """The run of the last success of the step that has a result, and how the step differs from it."""
        store = self._context.services.run_log_store
        for result in self._found(self._key_of_step(path)):
            with suppress(RunNotFound, RunLogStoreError):
                before = store.get_step(result.run_id, result.path)
                if before is not None and before.cache is not None and before.status is Status.SUCCESS:
                    text = difference(before.cache.inputs, step_key.inputs)
                    return result.run_id, text or "its result was not kept"
        return "", NO_EARLIER_RESULT

    def _key_of_step(self, path: StepPath) -> str:
        """The key that leads to the last results of the step, with any inputs."""
        pipeline = self._context.graph.name or self._context.definition_file
        return hashlib.sha256(f"{pipeline}\0{path}".encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()

    def _found(self, key: str) -> Iterator[StepResult]:
        try:
            yield from self._results.results(key) if self._results is not None else ()
        except RunLogStoreError as error:
            self._warn(error)

    def _usable(self, node: TaskNode, result: StepResult, key: str, *, verified: bool) -> tuple[StepRecord | None, str]:
        """The record behind a result, if it can be reused; or why it cannot."""
        age = self._context.clock.now() - result.time
        if node.cache is not None and node.cache.max_age is not None and age > timedelta(seconds=node.cache.max_age):
            return None, f"the result in run '{result.run_id}' is older than max_age"
        try:
            record = self._context.services.run_log_store.get_step(result.run_id, result.path)
        except (RunNotFound, RunLogStoreError):
            record = None
        if record is None or record.status is not Status.SUCCESS or record.cache is None or record.cache.key != key:
            return None, f"the run '{result.run_id}', which has the result, is gone"
        if verified and (lost := lost_content(self._context.services.catalog, record)):
            return None, f"{lost} (run '{result.run_id}')"
        if changed := self._sources.changed(node, record, result.run_id):
            return None, changed
        return record, ""

    def _taken(
        self, known: StepRecord, result: StepResult, path: StepPath, position: int, scope: BranchScope
    ) -> StepRecord | None:
        """Put the record of the step with the known result; None if its content is gone by now."""
        context, catalog = self._context, self._context.services.catalog
        assert known.cache is not None  # it has the key
        put = tuple(entry for entry in known.catalog if entry.stage == "put")
        try:
            adopted = catalog.adopt(context.run_id, path.branch, put)
            entries = tuple(replace(new, preexisting=old.preexisting) for old, new in zip(put, adopted, strict=True))
            self._bring(path, entries)
        except CatalogError:
            return None
        source = (known.cache.run_id, known.cache.step) if known.cache.run_id else (result.run_id, str(result.path))
        record = replace(
            known,
            path=path,
            position=position,
            message="",
            attempts=(),
            catalog=(*(entry for entry in known.catalog if entry.stage == "get"), *entries),
            scope=None,
            code_identities=self._identities_of(known, result.run_id),
            earlier_attempts=0,
            cache=replace(known.cache, reason="", run_id=source[0], step=source[1], compared_with=""),
        )
        record = replace(record, scope=scopes.carried(position, scope, record))
        context.services.run_log_store.put_step(context.run_id, record)
        self._renew(known.cache.key, result, path)
        if known.path != path:
            self._note_step(path)
        context.tracking.end_step(context.tracked_run, record)
        context.reporter.report(StepReused(path, record.step_type, source[0]))
        return record

    def _bring(self, path: StepPath, entries: Sequence[CatalogRecord]) -> None:
        """Leave the files where the step would have left them; a step in a copy of the project leaves none."""
        context = self._context
        if context.project_copy is not None:
            return
        files = [
            entry
            for entry in entries
            if entry.catalog_relative_path and not entry.preexisting and not entry.name.startswith(OBJECTS)
        ]
        if files:
            context.services.catalog.get(context.run_id, path.branch, files, context.working_directory)
            context.file_clock.note_put()

    def _note_step(self, path: StepPath) -> None:
        """Let the step be compared with this run later, if it reused the result of another step and never ran itself."""
        if self._results is not None and not any(self._found(name := self._key_of_step(path))):
            with suppress(RunLogStoreError, RunNotFound):
                self._results.put_result(name, self._context.run_id, path)

    def _renew(self, key: str, result: StepResult, path: StepPath) -> None:
        """Let the key lead to this run too, as the older run may be removed first."""
        if self._results is None or self._context.clock.now() - result.time < _RENEWED_AFTER:
            return
        with suppress(RunLogStoreError, RunNotFound):
            self._results.put_result(key, self._context.run_id, path)

    def _identities_of(self, known: StepRecord, run_id: str) -> tuple[CodeIdentity, ...] | None:
        """The code identities of a reused step; None if this run has the same."""
        if known.code_identities is not None:
            return known.code_identities
        if run_id not in self._identities:
            self._identities[run_id] = self._context.services.run_log_store.get_run(run_id).code_identities
        identities = self._identities[run_id]
        return None if identities == self._run.code_identities else identities

    def _warn(self, error: MagnusError) -> None:
        message = f"results cannot be cached: {error.problems[0].message}"
        self._context.reporter.report(Warned(message, once=message))


def _names_around(path: StepPath) -> Sequence[str]:
    """The steps that the step is, or is inside, by the names of steps alone, as pipelines are written."""
    names = path.parts[::2]
    return ["/".join(names[:length]) for length in range(1, len(names) + 1)]
