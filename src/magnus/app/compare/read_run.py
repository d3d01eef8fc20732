"""Reads a run for a comparison: its records, pipeline, code and environment."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property

from magnus.app.compare.model import RunFacts
from magnus.app.inspect.damage import damage
from magnus.app.inspect.redaction import Redactor
from magnus.app.inspect.run_state import state_of
from magnus.app.inspect.step_code import recorded_code
from magnus.definition.normal_form import normal, written_steps
from magnus.errors import CatalogError, RunNotFound
from magnus.graph.path import BranchPath
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import ENDED, CatalogRecord, RunRecord, StepRecord
from magnus.run_log.step_walk import without_past_ends
from magnus.values import Json


class ReadRun:
    """One of two compared runs; each part is read when it is used."""

    def __init__(self, record: RunRecord, store: RunLogStore, catalog: Catalog) -> None:
        self.record = record
        self.config: Mapping[str, Json] = record.run_config
        self._store = store
        self._catalog = catalog

    def steps(self, branch: BranchPath) -> Sequence[StepRecord]:
        """The records of a branch, by position, with secrets masked."""
        steps = without_past_ends(self._store.list_steps(self.record.run_id, branch))
        return [self._redactor.redacted(step) for step in steps]

    @cached_property
    def _redactor(self) -> Redactor:
        return Redactor(self.record)

    @cached_property
    def stopped(self) -> str:
        """The reason why the run stopped early, or ""."""
        if self.record.status not in ENDED:
            return state_of(self.record).lost or "is still running"
        return "was interrupted" if self.record.message == "interrupted" else ""

    @cached_property
    def dag(self) -> Json:
        """The pipeline with its included files, in one form for all spellings of the same meaning."""
        dag = self.config.get("dag")
        file = str(self.config.get("pipeline_file", ""))
        whole = isinstance(dag, dict) and "steps" in dag
        return normal(dag, file, self.config.get("included") or {}) if whole else {"steps": {}}

    @cached_property
    def written(self) -> Mapping[str, Mapping[str, Json]]:
        """The steps as written, by their names with the names of the steps around them."""
        return dict(written_steps(self.dag))

    @cached_property
    def code(self) -> Mapping[str, Mapping[str, str]]:
        """The pieces of code of each step, with their hashes."""
        return recorded_code(self.config) or {}

    @cached_property
    def original(self) -> "ReadRun | None":
        """The run that it resumes, if that still exists."""
        if not self.record.original_run_id:
            return None
        try:
            record = self._store.get_run(self.record.original_run_id)
        except RunNotFound:
            return None
        return ReadRun(record, self._store, self._catalog)

    @cached_property
    def packages(self) -> Mapping[str, str] | None:
        """The versions of the installed packages; None if the list was not stored."""
        entry = self.config.get("packages")
        if not entry:
            return None
        content = self._content("the list of packages", entry["data_hash"], entry["size"])
        if content is None:
            return None
        lines = content.decode("utf-8", "surrogateescape").splitlines()
        return dict(line.split("==", 1) for line in lines if "==" in line)

    def notebook(self, entry: CatalogRecord) -> Json:
        """A notebook of the catalog without the times and the random ids of its cells; None if it is not a notebook."""
        content = self._content(entry.name, entry.data_hash, entry.size)
        with suppress(ValueError, LookupError, TypeError, AttributeError):
            notebook = json.loads(content or b"")
            for cell in notebook["cells"]:
                cell["metadata"].pop("execution", None)
                cell.pop("id", None)
            return notebook
        return None

    def _content(self, name: str, data_hash: str, size: int) -> bytes | None:
        try:
            with self._catalog.open(name, data_hash, size) as file:
                return file.read()
        except CatalogError:
            return None

    def facts(self) -> RunFacts:
        """The facts of the run that people read."""
        record = self.record
        seconds = None if record.end_time is None else (record.end_time - record.start_time).total_seconds()
        return RunFacts(
            run_id=record.run_id,
            status="lost" if self.stopped.startswith("lost") else record.status.value,
            tag=record.tag,
            started=record.start_time.isoformat(" ", "seconds"),
            seconds=seconds,
            pipeline_file=str(self.config.get("pipeline_file", "")),
            commit=", ".join(identity.code_identifier for identity in record.code_identities),
            original_run_id=record.original_run_id,
            damage=tuple(damage(self._store, record).lines()),
        )


Alike = Callable[[CatalogRecord, CatalogRecord], bool]
"""Whether two files with different bytes have the same meaning."""


def alike(first: ReadRun, second: ReadRun) -> Alike:
    """A comparison of files that ignores the times and ids of cells in notebooks."""

    def compared(before: CatalogRecord, after: CatalogRecord) -> bool:
        if not (before.name.endswith(".ipynb") and after.name.endswith(".ipynb")):
            return False
        notebook = first.notebook(before)
        return notebook is not None and bool(notebook == second.notebook(after))

    return compared
