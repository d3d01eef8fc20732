"""Compares two or more runs for a page: values side by side, and for each further run what differs from the first one."""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import UNSET, Struct

from magnus.app.compare.compare import compare_runs
from magnus.app.compare.model import Change, Difference, StepDifference, Timing
from magnus.app.compare.read_run import ReadRun, alike
from magnus.app.compare.sentences import sentence, shown_values, value_apart
from magnus.app.inspect.list_runs import listed_run
from magnus.app.inspect.run_state import state_of
from magnus.app.ui.run_columns import Cell, RunColumns
from magnus.errors import InvalidInput
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import RunRecord
from magnus.run_log.summary import summary

MOST_RUNS: Final = 12
_LONGEST: Final = 120
_MOST_CAUSES: Final = 100
_MOST_STEPS: Final = 200
_MOST_CHANGES: Final = 40
_MOST_TIMINGS: Final = 20


class Side(Struct, omit_defaults=True):
    """One of the runs; `took` in milliseconds, None if the run has no end, `start` ISO 8601."""

    run_id: str
    status: str
    pipeline: str
    tag: str
    start: str
    took: float | None
    message: str = ""
    damage: list[str] = []


class ValueRow(Struct):
    """A parameter or a metric of the runs, such as `metrics.auc`; None where a run has none."""

    name: str
    cells: list[Cell | None]


class ChangeText(Struct, omit_defaults=True):
    """A difference in words; `kind` and `what` as `Change` has them, `before` or `after` "" for no value."""

    kind: str
    what: str = ""
    before: str = ""
    after: str = ""


class StepText(Struct):
    """The differences in a step; `more` are differences that are left out."""

    step: str
    changes: list[ChangeText]
    more: int


class TimeText(Struct):
    """The durations of a step in both runs, in milliseconds."""

    step: str
    before: float
    after: float


class Against(Struct):
    """What differs in a run from the first one; `more_causes` and `more_steps` are left out."""

    verdict: str
    differs: bool
    causes: list[str]
    more_causes: int
    reruns: list[ChangeText]
    run: list[ChangeText]
    steps: list[StepText]
    more_steps: int
    timings: list[TimeText]
    notes: list[ChangeText]


class Comparison(Struct):
    """The whole comparison; `against` has an entry for each run but the first."""

    runs: list[Side]
    values: list[ValueRow]
    against: list[Against]


def comparison(runs: Sequence[RunRecord], store: RunLogStore, catalog: Catalog, columns: RunColumns) -> Comparison:
    """The comparison of the runs; InvalidInput for too few or too many of them."""
    if not 2 <= len(runs) <= MOST_RUNS:
        raise InvalidInput(
            f"{len(runs)} runs cannot be compared", fix=f"choose two to {MOST_RUNS} runs in the list of runs"
        )
    listed = [listed_run(summary(run), state_of(run)) for run in runs]
    read = [ReadRun(run, store, catalog) for run in runs]
    cells = [columns.of(run) for run in listed]
    names = dict.fromkeys(name for each in cells for name in each)
    return Comparison(
        runs=[
            Side(
                run_id=run.run_id,
                status=run.status.value,
                pipeline=run.pipeline,
                tag=run.tag,
                start="" if run.start_time is None else run.start_time.isoformat(),
                took=_milliseconds(facts.seconds),
                message=run.message,
                damage=list(facts.damage),
            )
            for run, facts in zip(listed, (each.facts() for each in read), strict=True)
        ],
        values=[ValueRow(name, [each.get(name) for each in cells]) for name in sorted(names)],
        against=[_against(compare_runs(read[0], other, alike(read[0], other))) for other in read[1:]],
    )


def _against(difference: Difference) -> Against:
    return Against(
        verdict=difference.verdict.text,
        differs=difference.verdict.differs,
        causes=[sentence(cause) for cause in difference.causes[:_MOST_CAUSES]],
        more_causes=max(0, len(difference.causes) - _MOST_CAUSES),
        reruns=[ChangeText("ran again", each.step, after=each.reason) for each in difference.reruns[:_MOST_STEPS]],
        run=[_text(change) for change in difference.run],
        steps=[_step(step) for step in difference.steps[:_MOST_STEPS]],
        more_steps=max(0, len(difference.steps) - _MOST_STEPS),
        timings=list(_timings(difference.timings)),
        notes=[_text(note) for note in difference.notes],
    )


def _step(step: StepDifference) -> StepText:
    changes = [_text(change) for change in step.changes[:_MOST_CHANGES]]
    return StepText(step.paths, changes, max(0, len(step.changes) - _MOST_CHANGES))


def _text(change: Change) -> ChangeText:
    before, after = shown_values(change)
    old, new = value_apart(before, after, _LONGEST)
    return ChangeText(change.kind, change.what, "" if before is UNSET else old, "" if after is UNSET else new)


def _timings(timings: Sequence[Timing]) -> Iterator[TimeText]:
    """The steps whose durations differ most, the whole run first."""
    most = sorted(timings[1:], key=lambda timing: timing.seconds_apart, reverse=True)[:_MOST_TIMINGS]
    for timing in [*timings[:1], *most]:
        if timing.first is not None and timing.second is not None and (not timing.name or timing.is_notable):
            yield TimeText(timing.second_path, round(timing.first * 1000, 3), round(timing.second * 1000, 3))


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
