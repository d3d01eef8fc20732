"""A run as an object, whose results are read from the run log store when they are used.

Returned by `Pipeline.execute`, `magnus.run` and `magnus.runs`. Values of an unfinished run are read again each time.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Never, overload

from magnus.app.inspect.damage import damage
from magnus.app.inspect.list_runs import ListedRun, listed_run
from magnus.app.inspect.run_document import document
from magnus.app.inspect.run_state import state_of
from magnus.app.inspect.step_objects import Branch, Step, StepGroup
from magnus.app.inspect.stored_values import Artifact
from magnus.engine.files.objects import StepObjects
from magnus.errors import InvalidInput
from magnus.graph.path import BranchPath
from magnus.interfaces.catalog import Catalog, ReadsLogs
from magnus.interfaces.pickler import Picklers
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.parameters import Parameter
from magnus.run_log.records import ENDED, RunHealth, RunRecord, RunStatus
from magnus.run_log.summary import summary
from magnus.values import Json

_OF_ARRAYS: Final = frozenset({"ndim", "shape", "dtype"})

__all__ = ["Artifact", "Branch", "Run", "Runs", "Step"]


def _no_logs() -> ReadsLogs:
    raise InvalidInput("the catalog with the output of this run is unknown", fix="get the run by magnus.run(...)")


def _no_objects() -> StepObjects:
    raise InvalidInput("the catalog with the objects of this run is unknown", fix="get the run by magnus.run(...)")


class Run(StepGroup):
    """A run.

    Attributes:
        run_id: the id of the run.
        tag: the label to find it by.
        store: the store of its records.
        working_directory: the folder that the places of its files are relative to.
        logs: gives the catalog with the output of its steps.
        objects: gives its objects and files, by the records of its steps.
    """

    def __init__(
        self,
        run: RunRecord | ListedRun,
        store: RunLogStore,
        working_directory: Path,
        logs: Callable[[], ReadsLogs] = _no_logs,
        contents: Callable[[], tuple[Catalog, Picklers]] | None = None,
    ) -> None:
        super().__init__(self, BranchPath())
        self.run_id = run.run_id
        self.tag = run.tag
        self.store = store
        self.working_directory = working_directory
        self.logs = logs
        self.objects = _no_objects if contents is None else partial(self._objects, contents)
        self._record = run if isinstance(run, RunRecord) else None
        self._listed = run if isinstance(run, ListedRun) else None

    @property
    def status(self) -> RunStatus:
        """The status; LOST if nothing of it runs any more, DAMAGED if its run log cannot be read."""
        return self._short.status

    @property
    def damage(self) -> Sequence[str]:
        """The damaged and the missing records of the run, one sentence each."""
        if self.status is RunHealth.DAMAGED:
            return (self._short.problem,)
        return tuple(damage(self.store, self._record or self.store.get_run(self.run_id)).lines())

    @property
    def is_over(self) -> bool:
        """Whether the run can get no more records."""
        status = self.status
        return status in ENDED or status in RunHealth

    @property
    def message(self) -> str:
        """Why it failed, or which jobs of it still run without its process, or ""."""
        return self._short.problem or self._short.message

    @property
    def pipeline(self) -> str:
        """The name of the pipeline, or else the file it is written in."""
        return self._short.pipeline

    @property
    def start_time(self) -> datetime | None:
        """The start, in UTC; None for a damaged run."""
        return self._short.start_time

    @property
    def end_time(self) -> datetime | None:
        """The end, in UTC; None if it has not finished, or the end is unknown."""
        return self._short.end_time

    @property
    def duration(self) -> timedelta | None:
        """The time from the start to the end, or to now; None if the end is unknown."""
        return self._short.duration(datetime.now(UTC))

    @property
    def original_run_id(self) -> str:
        """The id of the run that it resumes, or ""."""
        return self._short.original_run_id

    @property
    def dag_hash(self) -> str:
        """The hash of the pipeline as it was written."""
        return self._now().dag_hash

    @property
    def run_config(self) -> Mapping[str, Json]:
        """The services of the run, its files and its pipeline."""
        return self._now().run_config

    def model_dump(self) -> Json:
        """The run log document, as `document` has it; the word of the 2024 generation."""
        return self.document()

    def document(self) -> Json:
        """The run log document, as `magnus show --json` prints it."""
        return json.loads("".join(document(self.store, self.store.get_run(self.run_id))))

    def _objects(self, contents: Callable[[], tuple[Catalog, Picklers]]) -> StepObjects:
        file = str(self.run_config.get("pipeline_file") or "")
        script = self.working_directory / file if file.endswith(".py") else None
        return StepObjects(*contents(), self.run_id, BranchPath(), script)

    def _before(self) -> Mapping[str, Parameter]:
        return self._now().parameters

    def _now(self) -> RunRecord:
        """The record, read again unless the run has finished."""
        if self._record is None or self._record.status not in ENDED:
            self._record = self.store.get_run(self.run_id)
        return self._record

    @property
    def _short(self) -> ListedRun:
        if self._listed is None or not (self._listed.status in ENDED or self._listed.status in RunHealth):
            record = self._now()
            self._listed = listed_run(summary(record), state_of(record))
        return self._listed

    def __repr__(self) -> str:
        return f"<Run '{self.run_id}' {self.status.value}>"

    def _repr_html_(self) -> str:
        from magnus.app.inspect.notebook_html import run_html  # lazy: notebooks alone

        return run_html(self)


class Runs(Sequence[Run]):
    """Runs, the newest first; they are read once, at the first use."""

    def __init__(self, find: Callable[[], Sequence[Run]]) -> None:
        self._find = find

    @cached_property
    def _found(self) -> Sequence[Run]:
        return self._find()

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, index: int) -> Run: ...

    @overload
    def __getitem__(self, index: slice) -> "Runs": ...

    def __getitem__(self, index: int | slice) -> "Run | Runs":
        if isinstance(index, slice):
            part = self._found[index]
            return Runs(lambda: part)
        return self._found[index]

    if not TYPE_CHECKING:  # type checkers know what there is

        def __getattr__(self, name: str) -> Never:
            """Say what pandas needs in place of this object, where it looks for an array."""
            more = "; its method to_frame() gives a table of pandas" if name in _OF_ARRAYS else ""
            raise AttributeError(f"'Runs' object has no attribute '{name}'{more}", name=name, obj=self)

    def to_frame(self) -> Any:
        """A DataFrame of pandas with a row for each run, and its parameters and metrics as `params.NAME` and `metrics.NAME`."""
        from magnus.app.inspect.run_values import frame  # lazy: few programs want a table

        return frame(self)

    def __repr__(self) -> str:
        from magnus.app.inspect.notebook_html import runs_text  # lazy: sessions of people alone

        return runs_text(self)

    def _repr_html_(self) -> str:
        from magnus.app.inspect.notebook_html import runs_html  # lazy: notebooks alone

        return runs_html(self)
