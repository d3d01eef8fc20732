"""Leaves rows out until the rest fits: what matters least first, and numbers in its place. Pure, used by the painter."""

from itertools import groupby

from magnus.app.live.look import Look
from magnus.app.live.rows import Row, folded


def fitted(rows: list[Row], room: int, look: Look) -> list[Row]:
    """The rows that matter most, in their order, at most `room` of them; neighbours that are left out are counted."""
    if len(rows) <= room:
        return rows
    by_weight = sorted(range(len(rows)), key=lambda index: _weight(rows[index], index))
    for kept in range(room, -1, -1):
        shown = _with(rows, frozenset(by_weight[:kept]), look)
        if len(shown) <= room:
            return shown
    return []


def _weight(row: Row, index: int) -> tuple[int, int]:
    """What is kept first is smallest: of steps that ended the latest, of everything else the earliest."""
    return -row.rank, index if row.rank else -index


def _with(rows: list[Row], kept: frozenset[int], look: Look) -> list[Row]:
    shown: list[Row] = []
    for is_kept, group in groupby(enumerate(rows), key=lambda pair: pair[0] in kept):
        run = [row for _, row in group]
        if is_kept:
            shown += run
        elif any(row.done or row.running or row.failed for row in run):
            counts = (sum(row.done for row in run), sum(row.running for row in run), sum(row.failed for row in run))
            shown.append(folded(run[0].depth, *counts, look))
    return shown
