"""Makes the rows of a report from the records of a run.

A step that has not finished has no times in its records. Its row starts at the end of the step before it.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from magnus.app.draw.data_names import DataNames
from magnus.app.report.interned_texts import Texts, shortened
from magnus.app.report.metric_series import last_values, series_of
from magnus.app.report.model import Attempt, Code, File, Row
from magnus.app.text.object_references import completed, objects_by_hash
from magnus.app.text.plain_text import short
from magnus.graph.path import BranchPath, StepPath, print_names
from magnus.run_log.element_captions import captions, differences
from magnus.run_log.parameters import holds_objects
from magnus.run_log.records import (
    ENDED,
    AttemptRecord,
    Branching,
    CatalogRecord,
    CodeIdentity,
    RunHealth,
    RunRecord,
    Status,
    StepRecord,
    is_cached,
    span_of,
)
from magnus.run_log.step_walk import (
    Branch,
    SeenBranch,
    SeenStep,
    StepsOf,
    status_of,
    status_of_branch,
    walk,
    with_elements,
)
from magnus.values import Json

_MOST_FILES: Final = 100
_LONGEST_ELEMENT: Final = 60
_MOST_NAMES: Final = 20


class Rows:
    """Collects the rows of a run, the run itself first.

    `over` says that the run has finished or is lost, so that no step of it still runs.

    Attributes:
        rows: the rows.
        paths: the step of each row, None for the run and for branches.
        ends: the terminal steps that were reached.
        data: the names of the data that left steps which set some.
    """

    def __init__(self, run: RunRecord, name: str, steps_of: StepsOf, texts: Texts, *, over: bool) -> None:
        self._run = run
        self._texts = texts
        self._over = over
        status = RunHealth.LOST if over and run.status not in ENDED else run.status
        end = None if run.end_time is None else self._milliseconds(run.end_time)
        self.rows = [Row(-1, name, "run", status.value, start=0.0, end=end, message=shortened(run.message))]
        self.paths: list[StepPath | None] = [None]
        self.ends: set[StepPath] = set()
        self.data: dict[StepPath, DataNames] = {}
        self._objects = objects_by_hash(run.parameters.values())
        self._steps: dict[StepPath, int] = {}
        self._unnamed: set[StepPath] = set()
        self._elements: dict[StepPath, Elements] = {}
        self._branches = {BranchPath(): 0}
        self._earliest = {BranchPath(): 0.0}
        self._began: dict[StepPath, float] = {}
        for seen in walk(steps_of):
            match seen:
                case SeenStep(record=step) if step.is_terminal:
                    self.ends.add(step.path)
                    self._set_branch_status(step)
                case SeenStep(record=step):
                    self._add_step(step, seen.names)
                    self._set_branch_status(step)
                case SeenBranch(branch=branch, of=of):
                    self._add_branch(branch, of)
        self._spread_times()

    def cause(self) -> int | None:
        """The row of the step that made the run fail, or in which it was lost; None when there is no such step."""
        inside: dict[int, list[int]] = {}
        for number, row in enumerate(self.rows):
            inside.setdefault(row.parent, []).append(number)
        number = 0
        while True:
            bad = [
                inner
                for inner in inside.get(number, ())
                if self.rows[inner].status in {Status.FAIL.value, RunHealth.LOST.value}
            ]
            if self.rows[number].status not in {Status.FAIL.value, RunHealth.LOST.value} or not bad:
                return number or None
            number = bad[0] if self.rows[bad[0]].type == "branch" else bad[-1]

    def _add_step(self, step: StepRecord, names: tuple[str, ...]) -> None:
        """Add the row of the step; the step behind it starts at its end, at the earliest."""
        row = self._row(step, names, self._branches[step.branch])
        self._objects |= objects_by_hash(step.parameters.values())
        self._began[step.path] = self._earliest[step.branch]
        if step.status not in ENDED:
            row.start = self._earliest[step.branch]
        self._steps[step.path] = len(self.rows)
        if step.has_unnamed_branch:
            self._unnamed.add(step.path)
        if step.branching is not None and step.branching.values is not None:
            self._elements[step.path] = Elements(step.branching)
        self.rows.append(row)
        self.paths.append(step.path)
        if (data := _data_names(step)) != DataNames():
            self.data[step.path] = data
        branch: BranchPath | None = step.branch
        while branch is not None and row.end is not None:
            self._earliest[branch] = max(row.end, self._earliest[branch])
            branch = None if branch.composite is None else branch.composite.branch

    def _add_branch(self, branch: Branch, of: StepPath) -> None:
        """Add the row of a branch; the row of the step stands for a branch that has no name."""
        self._earliest[branch.path] = self._began[of]
        number = self._steps[of]
        if of in self._unnamed:
            self._branches[branch.path] = number
            return
        self._branches[branch.path] = len(self.rows)
        value = self._texts.number(branch.value[0]) if branch.value else None
        elements = self._elements.get(of)
        name = (elements.caption(branch.key) if elements else "") or _branch_name(branch)
        element = self._texts.named(elements.differences(branch.key)) if elements else []
        self.rows.append(Row(number, name, "branch", Status.CREATED.value, value=value, element=element))
        self.paths.append(None)

    def _set_branch_status(self, step: StepRecord) -> None:
        """Set the status of the branch from the step, which is its last one so far."""
        row = self.rows[self._branches[step.branch]]
        if row.type == "branch":
            row.status = status_of_branch([step], over=self._over).value

    def _row(self, step: StepRecord, names: tuple[str, ...], parent: int) -> Row:
        attempts = [self._attempt(attempt, step.message) for attempt in step.attempts]
        span = span_of(step)
        return Row(
            parent,
            step.path.name,
            step.step_type,
            status_of(step, over=self._over).value,
            unit=_unit(step),
            path=print_names(names),
            start=None if span is None else self._milliseconds(span.start),
            end=None if span is None else self._milliseconds(span.end),
            message=shortened(step.message),
            attempts=attempts,
            outputs=self._texts.parameters(step.parameters),
            metrics=self._texts.named(dict(last_values(step.metrics))),
            series=series_of(step.metrics),
            files=_files(step.catalog[:_MOST_FILES]),
            more_files=max(0, len(step.catalog) - _MOST_FILES),
            code=None if step.code_identities is None else codes(step.code_identities),
            mock=step.mock,
            reused=is_cached(step) or (step.mock and not step.attempts and bool(self._run.original_run_id)),
            source="" if step.cache is None else step.cache.run_id,
            reason="" if step.cache is None else shortened(step.cache.reason),
        )

    def _attempt(self, attempt: AttemptRecord, message: str) -> Attempt:
        return Attempt(
            self._milliseconds(attempt.start_time),
            round(attempt.duration * 1000, 3),
            attempt.status.value,
            "" if attempt.message == message else shortened(attempt.message),
            self._texts.named({name: completed(value, self._objects) for name, value in attempt.parameters.items()}),
            f"{attempt.job} on {attempt.machine}" if attempt.machine else attempt.job,
            attempt.peak_memory,
        )

    def _milliseconds(self, when: datetime) -> float:
        return round((when - self._run.start_time).total_seconds() * 1000, 3)

    def _spread_times(self) -> None:
        """Make every row span the rows inside it."""
        for row in reversed(self.rows[1:]):
            around = self.rows[row.parent]
            if row.parent and row.start is not None:
                around.start = row.start if around.start is None else min(row.start, around.start)
                if row.end is not None and around.status in ENDED:
                    around.end = row.end if around.end is None else max(row.end, around.end)


class Elements:
    """The elements of a map as far as they differ."""

    def __init__(self, branching: Branching) -> None:
        elements = with_elements(branching).elements or ()
        self._differences = differences(elements)
        self._captions = captions(elements)

    def caption(self, key: str) -> str:
        """The caption of the branch with this key, or ""."""
        return self._captions[int(key)] if int(key) < len(self._captions) else ""

    def differences(self, key: str) -> Mapping[str, Json]:
        """The parts of the element of this branch that differ from the others."""
        return self._differences[int(key)] if int(key) < len(self._differences) else {}


def _unit(step: StepRecord) -> str:
    """The word for the branches of the step, if they are numbered: one for each element, or one for each iteration."""
    if step.branching is None or step.branching.names:
        return ""
    return "iteration" if step.branching.values is None else "branch"


def codes(identities: Iterable[CodeIdentity]) -> list[Code]:
    """The code identities of a report."""
    return [
        Code(
            identity.code_identifier,
            identity.code_identifier_type,
            identity.code_identifier_dependable,
            identity.code_identifier_url,
            shortened(identity.code_identifier_message),
        )
        for identity in identities
    ]


def _branch_name(branch: Branch) -> str:
    """The label of the branch, with the element of the map if the label is not the element."""
    text = json.dumps(branch.value[0], ensure_ascii=False) if branch.value else ""
    return (
        f"{branch.label} = {short(text, _LONGEST_ELEMENT)}"
        if text.strip('"') not in {"", branch.label}
        else branch.label
    )


def _data_names(step: StepRecord) -> DataNames:
    """The names of the data that left a step."""
    objects = tuple(name for name, value in step.parameters.items() if holds_objects(value))
    files = dict.fromkeys(entry.name for entry in step.catalog if entry.stage == "put")
    return DataNames(
        tuple(name for name in step.parameters if name not in objects), objects, tuple(files)[:_MOST_NAMES]
    )


def _files(entries: Iterable[CatalogRecord]) -> list[File]:
    return [
        File(
            entry.name,
            entry.stage,
            entry.size,
            entry.data_hash,
            f"{entry.catalog_handler_location}/{entry.catalog_relative_path}" if entry.catalog_relative_path else "",
        )
        for entry in entries
    ]
