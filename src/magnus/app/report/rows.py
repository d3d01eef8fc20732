"""The rows of a report, from the records of a run. Pure.

A step that has begun and not ended has no times of its own in the records: it is shown from the end of what was before
it.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from magnus.app.report.model import Attempt, Code, File, Row
from magnus.app.report.texts import Texts, shortened
from magnus.graph.path import BranchPath, StepPath
from magnus.run_log.records import AttemptRecord, CatalogRecord, CodeIdentity, RunRecord, Status, StepRecord
from magnus.run_log.view import labels, with_elements

LOST: Final = "LOST"
_ENDED: Final = frozenset({Status.SUCCESS, Status.FAIL})
_TERMINALS: Final = frozenset({"success", "fail"})
_MOST_FILES: Final = 100
_ONE_BRANCH: Final = "dag"

StepsOf = Callable[[BranchPath], Sequence[StepRecord]]
"""The records of the steps directly in a branch, by position."""


class Rows:
    """Collects the rows of a run, the run itself first.

    `over` says that it has ended or is lost, so that nothing in it is still going on.

    Attributes:
        found: the rows.
        paths: the step of each row, None for the run and for branches.
        ends: the terminal steps that were reached.
    """

    def __init__(self, run: RunRecord, name: str, steps_of: StepsOf, texts: Texts, *, over: bool) -> None:
        self._run = run
        self._steps_of = steps_of
        self._texts = texts
        self._over = over
        status = LOST if over and run.status not in _ENDED else run.status.value
        end = None if run.end_time is None else self._milliseconds(run.end_time)
        self.found = [Row(-1, name, "run", status, start=0.0, end=end, message=shortened(run.message))]
        self.paths: list[StepPath | None] = [None]
        self.ends: set[StepPath] = set()
        self._branch(BranchPath(), 0, 0.0)
        self._times_of_what_is_around()

    def cause(self) -> int | None:
        """The row of the step that made the run fail, or in which it was lost; None when there is no such step."""
        inside: dict[int, list[int]] = {}
        for number, row in enumerate(self.found):
            inside.setdefault(row.parent, []).append(number)
        number = 0
        while True:
            bad = [inner for inner in inside.get(number, ()) if self.found[inner].status in {Status.FAIL.value, LOST}]
            if self.found[number].status not in {Status.FAIL.value, LOST} or not bad:
                return number or None
            number = bad[0] if self.found[bad[0]].type == "branch" else bad[-1]

    def _branch(self, branch: BranchPath, parent: int, earliest: float) -> str:
        """Add the steps of a branch, of which the first began at `earliest`; how the branch stands."""
        steps = self._steps_of(branch)
        for step in steps:
            if step.step_type in _TERMINALS:
                self.ends.add(step.path)
            else:
                earliest = self._step(step, parent, earliest)
        if steps and steps[-1].step_type in _TERMINALS:
            return self._status(steps[-1])
        return self._open(Status.PROCESSING if steps else Status.CREATED)

    def _step(self, step: StepRecord, parent: int, earliest: float) -> float:
        """Add a step and what is in it; when the next one can have begun."""
        number = len(self.found)
        row = self._row(step, parent)
        self.found.append(row)
        self.paths.append(step.path)
        if step.status not in _ENDED:
            row.start = earliest
        for key, label in (
            zip(step.branching.keys, labels(with_elements(step.branching)), strict=True) if step.branching else ()
        ):
            inner = self._branch_row(step, key, label, number)
            status = self._branch(step.path.into(key), inner, earliest)
            if inner != number:
                self.found[inner].status = status
        ends = [inner.end for inner in self.found[number:] if inner.end is not None]
        return max([earliest, *ends])

    def _branch_row(self, step: StepRecord, key: str, label: str, parent: int) -> int:
        """The number of the row of a branch; that of the step where it has but one, which always has the same name."""
        assert step.branching is not None
        if step.step_type == _ONE_BRANCH:
            return parent
        values = with_elements(step.branching).elements
        value = None if values is None else self._texts.number(values[int(key)])
        self.found.append(Row(parent, label, "branch", Status.CREATED.value, value=value))
        self.paths.append(None)
        return len(self.found) - 1

    def _row(self, step: StepRecord, parent: int) -> Row:
        attempts = [self._attempt(attempt, step.message) for attempt in step.attempts]
        return Row(
            parent,
            step.path.name,
            step.step_type,
            self._status(step),
            path=str(step.path),
            start=attempts[0].start if attempts else None,
            end=max(attempt.start + attempt.duration for attempt in attempts) if attempts else None,
            message=shortened(step.message),
            attempts=attempts,
            outputs=self._texts.parameters(step.parameters),
            metrics=self._texts.named(step.metrics),
            files=_files(step.catalog[:_MOST_FILES]),
            more_files=max(0, len(step.catalog) - _MOST_FILES),
            code=None if step.code_identities is None else codes(step.code_identities),
            mock=step.mock,
            taken_over=step.mock and not step.attempts and bool(self._run.original_run_id),
        )

    def _attempt(self, attempt: AttemptRecord, message: str) -> Attempt:
        return Attempt(
            self._milliseconds(attempt.start_time),
            round(attempt.duration * 1000, 3),
            attempt.status.value,
            "" if attempt.message == message else shortened(attempt.message),
            self._texts.named(attempt.parameters),
        )

    def _status(self, step: StepRecord) -> str:
        return step.status.value if step.status in _ENDED else self._open(step.status)

    def _open(self, status: Status) -> str:
        return LOST if self._over else status.value

    def _milliseconds(self, when: datetime) -> float:
        return round((when - self._run.start_time).total_seconds() * 1000, 3)

    def _times_of_what_is_around(self) -> None:
        """Let every row span what is in it."""
        for row in reversed(self.found[1:]):
            around = self.found[row.parent]
            if row.parent and row.start is not None:
                around.start = row.start if around.start is None else min(row.start, around.start)
                if row.end is not None and around.status in _ENDED:
                    around.end = row.end if around.end is None else max(row.end, around.end)


def codes(identities: Iterable[CodeIdentity]) -> list[Code]:
    """Code identities as a report has them."""
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
