"""A run as an object: what came of it, read from the run log store when it is asked for. Returned by `Pipeline.execute`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from magnus.app.execute import document
from magnus.engine import scope as scopes
from magnus.graph.path import BranchPath
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.parameters import Scope, plain
from magnus.run_log.records import AttemptRecord, CatalogRecord, RunRecord, Status, StepRecord
from magnus.values import Json


class Artifact:
    """A file in the catalog.

    Attributes:
        name: relative to the folder it was put from.
        data_hash: SHA-256 of its content, in hex.
        size: in bytes.
    """

    def __init__(self, record: CatalogRecord, working_directory: Path) -> None:
        self.name = record.name
        self.data_hash = record.data_hash
        self.size = record.size
        self._place = working_directory / record.catalog_handler_location / record.catalog_relative_path

    def path(self) -> Path:
        """Where the catalog keeps it, read-only; for catalogs that are folders."""
        return self._place

    def __repr__(self) -> str:
        return f"<Artifact '{self.name}' {self.data_hash[:12]}>"


class _Branched:
    """What the run and each of its branches have: steps, and what they left."""

    def __init__(self, run: "Run", branch: BranchPath, before: Scope) -> None:
        self._of = run
        self._branch = branch
        self._before = before

    @cached_property
    def steps(self) -> Mapping[str, "Step"]:
        """The steps that began, by name, in the order in which they ran."""
        return {record.path.name: Step(self._of, record) for record in self._records}

    @property
    def parameters(self) -> Mapping[str, Json]:
        """The parameters at the end; of a branch, those that were set in it."""
        values = {**self._before, **scopes.folded_own(self._records).parameters}
        return {name: plain(value) for name, value in values.items()}

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """The files in the catalog at the end, by name."""
        files = scopes.folded_own(self._records).files
        return {name: Artifact(record, self._of.working_directory) for name, record in files.items()}

    @cached_property
    def _records(self) -> Sequence[StepRecord]:
        return self._of.store.list_steps(self._of.run_id, self._branch)


class Branch(_Branched):
    """One branch of a step; `key` is its name, or its number."""

    def __init__(self, run: "Run", branch: BranchPath) -> None:
        super().__init__(run, branch, {})
        self.key = branch.parts[-1]

    @property
    def status(self) -> Status:
        """SUCCESS when it reached its success step."""
        ended = any(step.status is Status.SUCCESS and step.step_type == "success" for step in self.steps.values())
        return Status.SUCCESS if ended else Status.FAIL

    def __repr__(self) -> str:
        return f"<Branch '{self.key}' {self.status.value}>"


class Step:
    """One step of a run, as the run log has it."""

    def __init__(self, run: "Run", record: StepRecord) -> None:
        self._run = run
        self._record = record

    @property
    def name(self) -> str:
        """As in the pipeline."""
        return self._record.path.name

    @property
    def status(self) -> Status:
        """How it ended."""
        return self._record.status

    @property
    def step_type(self) -> str:
        """The type as it is written."""
        return self._record.step_type

    @property
    def message(self) -> str:
        """Why it failed, or ""."""
        return self._record.message

    @property
    def attempts(self) -> Sequence[AttemptRecord]:
        """What was tried, in order."""
        return self._record.attempts

    @property
    def parameters(self) -> Mapping[str, Json]:
        """What it set."""
        return {name: plain(value) for name, value in self._record.parameters.items()}

    @property
    def metrics(self) -> Mapping[str, Json]:
        """What it tracked."""
        return self._record.metrics

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """The files it put into the catalog, or that its branches left there, by name."""
        put = (record for record in self._record.catalog if record.stage == "put")
        return {record.name: Artifact(record, self._run.working_directory) for record in put}

    @property
    def branches(self) -> Mapping[str, Branch]:
        """Its branches by name or number, in order; empty when it has none."""
        return {branch.key: branch for branch in self._branches()}

    def _branches(self) -> Iterator[Branch]:
        branching = self._record.branching
        for key in branching.keys if branching else ():
            yield Branch(self._run, self._record.path.into(key))

    def __repr__(self) -> str:
        return f"<Step '{self.name}' {self.status.value}>"


class Run(_Branched):
    """A run.

    Attributes:
        run_id: the id of the run.
        status: how it ended.
        message: why it failed, or "".
        tag: the word it was given to find it by.
        store: where its records are.
        working_directory: where it ran.
    """

    def __init__(self, record: RunRecord, store: RunLogStore, working_directory: Path) -> None:
        super().__init__(self, BranchPath(), record.parameters)
        self.run_id = record.run_id
        self.status = record.status
        self.message = record.message
        self.tag = record.tag
        self.store = store
        self.working_directory = working_directory

    def document(self) -> Json:
        """The run log document, as `magnus show` prints it."""
        return json.loads("".join(document(self.store, self.run_id)))

    def __repr__(self) -> str:
        return f"<Run '{self.run_id}' {self.status.value}>"
