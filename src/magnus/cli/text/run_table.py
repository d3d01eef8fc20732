"""The runs of `magnus runs`, as a table and as JSON."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice

import msgspec

from magnus.app.inspect.damage import skipped_lines, with_damage
from magnus.app.inspect.list_runs import ListedRun, RunFilter, list_runs
from magnus.app.inspect.viewer import viewer
from magnus.cli import console
from magnus.cli.text import run_state
from magnus.cli.text.tables import table
from magnus.run_log.records import ENDED, Status

_HEADINGS = ("run", "pipeline", "status", "started (UTC)", "took", "tag")
_CUT = ((1, 5), (0,))
"""The columns to cut: the pipeline and the tag, then the run id."""


_MOST_ON_A_TERMINAL = 25


def show(configuration_file: str, run_filter: RunFilter, limit: int | None, *, as_json: bool) -> None:
    """Print the runs of the configuration that match, at most `limit`; 0 is all, None as many as fit."""
    is_short = limit is None and not as_json and console.is_terminal()
    most = _MOST_ON_A_TERMINAL if is_short else limit or None
    with viewer(configuration_file, console.environment()) as services:
        if not services.store.capabilities.persistent:
            console.note(f"the run log store of type '{services.store_type}' keeps no runs for other processes")
        runs = with_damage(services.store, list_runs(services.store, run_filter))
        if as_json:
            console.emit(_as_json(islice(runs, most)))
        else:
            shown = list(islice(runs, most))
            console.emit(_as_table(shown, datetime.now(UTC)))
            _note_more(shown, is_cut=is_short and next(runs, None) is not None, is_filtered=run_filter != RunFilter())


def _as_table(runs: Sequence[ListedRun], now: datetime) -> str:
    rows = [
        (
            run.run_id,
            run.pipeline,
            (run.status.value, run_state.style(run.status)),
            run_state.minute(run.start_time),
            run_state.duration(run.duration(now)),
            run.tag,
        )
        for run in runs
    ]
    return table(_HEADINGS, rows, cut=_CUT) if rows else ""


def _as_json(runs: Iterable[ListedRun]) -> str:
    """A list, one line for each run."""
    lines = ",\n".join(msgspec.json.encode(run.as_json()).decode() for run in runs)
    return f"[\n{lines}\n]\n" if lines else "[]\n"


def _note_more(runs: Sequence[ListedRun], *, is_cut: bool, is_filtered: bool) -> None:
    """Write facts that are not in the table to standard error."""
    for run in runs:
        if run.problem:
            console.note(f"damaged: {run.problem}")
        elif run.last_heard is not None:
            console.note(f"{run.run_id}: {run_state.last_heard(run.last_heard, run.workflow)}")
        for line in skipped_lines(run.skipped or ()):
            console.note(f"damaged: {run.run_id}: {line}")
    unknown = [run for run in runs if run.status in Status and run.status not in ENDED and run.message]
    if unknown:
        rest = f" and {len(unknown) - 1} more" if unknown[1:] else ""
        console.note(f"{unknown[0].run_id}{rest}: {unknown[0].message}")
    if is_cut:
        console.note(f"there are more than these {len(runs)}; --limit 0 lists all")
    if not runs:
        console.note("no run matches" if is_filtered else "there are no runs yet")
