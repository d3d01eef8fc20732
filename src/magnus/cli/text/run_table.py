"""What `magnus runs` says, as a table and as JSON. Used by it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice

import msgspec

from magnus.app.inspect.damage import looked_through, skipped_lines
from magnus.app.inspect.list_runs import ListedRun, Wanted, listed
from magnus.app.inspect.viewer import viewer
from magnus.cli import console
from magnus.cli.text import run_state
from magnus.cli.text.tables import table
from magnus.run_log.records import ENDED, Status

_HEADINGS = ("run", "pipeline", "status", "started (UTC)", "took", "tag")
_CUT = ((1, 5), (0,))
"""The pipeline and the tag, and where that is not enough the run id."""


_MOST_ON_A_TERMINAL = 25


def show(configuration_file: str, wanted: Wanted, limit: int | None, *, as_json: bool) -> None:
    """Print the runs of the configuration that match, at most `limit`; 0 is all, None as many as fit."""
    is_short = limit is None and not as_json and console.is_terminal()
    most = _MOST_ON_A_TERMINAL if is_short else limit or None
    with viewer(configuration_file, console.environment()) as services:
        if not services.store.capabilities.persistent:
            console.note(f"the run log store of type '{services.store_type}' keeps no runs for other processes")
        found = looked_through(services.store, listed(services.store, wanted))
        if as_json:
            console.emit(_as_json(islice(found, most)))
        else:
            runs = list(islice(found, most))
            console.emit(_as_table(runs, datetime.now(UTC)))
            _say_more(runs, is_cut=is_short and next(found, None) is not None, is_filtered=wanted != Wanted())


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


def _say_more(runs: Sequence[ListedRun], *, is_cut: bool, is_filtered: bool) -> None:
    """What the table does not say, on standard error."""
    for run in runs:
        if run.problem:
            console.note(f"damaged: {run.problem}")
        elif run.last_heard is not None:
            console.note(f"{run.run_id}: {run_state.heard(run.last_heard, run.workflow)}")
        for line in skipped_lines(run.skipped or ()):
            console.note(f"damaged: {run.run_id}: {line}")
    unknown = [run for run in runs if run.status in Status and run.status not in ENDED and run.message]
    if unknown:
        rest = f" and {len(unknown) - 1} more" if unknown[1:] else ""
        console.note(f"{unknown[0].run_id}{rest}: {unknown[0].message}")
    if is_cut:
        console.note(f"there are more than these {len(runs)}; --limit 0 lists all")
    if not runs:
        console.note("no run is like that" if is_filtered else "there are no runs yet")
