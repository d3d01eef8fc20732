"""The runs of `magnus runs`, as a table and as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from magnus.app.inspect.damage import skipped_lines
from magnus.app.inspect.list_runs import ListedRun
from magnus.cli.text import values
from magnus.cli.text.styled_text import table
from magnus.run_log.records import ENDED, Status

_HEADINGS = ("run", "pipeline", "status", "started (UTC)", "took", "tag")
_CUT = ((1, 5), (0,))
"""The columns to cut: the pipeline and the tag, then the run id."""


def as_table(runs: Sequence[ListedRun], now: datetime) -> str:
    """The runs under headings, or "" for none."""
    rows = [
        (
            run.run_id,
            run.pipeline,
            (run.status.value, values.style(run.status)),
            values.minute(run.start_time),
            values.duration(run.duration(now)),
            run.tag,
        )
        for run in runs
    ]
    return table(_HEADINGS, rows, cut=_CUT) if rows else ""


def as_json(runs: Iterable[ListedRun]) -> str:
    """A list, one line for each run."""
    lines = ",\n".join(msgspec.json.encode(run.as_json()).decode() for run in runs)
    return f"[\n{lines}\n]\n" if lines else "[]\n"


def remarks(runs: Sequence[ListedRun], *, is_cut: bool, is_filtered: bool) -> Iterator[str]:
    """Lines with facts that are not in the table."""
    for run in runs:
        if run.problem:
            yield f"damaged: {run.problem}"
        elif run.last_heard is not None:
            yield f"{run.run_id}: {values.last_heard(run.last_heard, run.workflow)}"
        for line in skipped_lines(run.skipped or ()):
            yield f"damaged: {run.run_id}: {line}"
    unknown = [run for run in runs if run.status in Status and run.status not in ENDED and run.message]
    if unknown:
        rest = f" and {len(unknown) - 1} more" if unknown[1:] else ""
        yield f"{unknown[0].run_id}{rest}: {unknown[0].message}"
    if is_cut:
        yield f"there are more than these {len(runs)}; --limit 0 lists all"
    if not runs:
        yield "no run matches" if is_filtered else "there are no runs yet"
