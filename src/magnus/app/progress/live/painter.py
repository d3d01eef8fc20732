"""Makes the lines of a terminal for the tree of a run: `frame` while it runs, `final` for the end."""

from itertools import groupby
from typing import Final

from magnus.app.progress.line_reporter import command_lines
from magnus.app.progress.live.model import State, Tree
from magnus.app.progress.live.rows import MOST_FAILURES, Row, Rows, folded, glyph
from magnus.app.progress.live.screen import Look, Piece, line
from magnus.app.text.palette import Style
from magnus.app.text.plain_text import plain, plain_lines
from magnus.app.text.units import elapsed, elapsed_so_far
from magnus.run_log.records import Status

_COUNTED: Final = (State.DONE, State.REUSED, State.RUNNING, State.WAITING, State.FAILED)


def frame(tree: Tree, at: float, look: Look) -> list[str]:
    """The tree at that time, in at most as many lines as there are rows; no line before the run starts."""
    if tree.started is None:
        return []
    rows = fitted(Rows(look, at).of(tree.root), look.rows - 1, look)
    return [line(_head(tree, at, look), look), *(line(row.pieces, look) for row in rows)]


def final(tree: Tree, look: Look) -> list[str]:
    """The tree of a finished run, with the full messages of failures, so it may be longer than the terminal."""
    if tree.started is None:
        return []
    rows = Rows(look, None).of(tree.root)
    failures = [row for row in rows if row.failed]
    room = max(look.rows - 3, min(len(failures), MOST_FAILURES))
    shown = [text for row in fitted(rows, room, look) for text in _with_message(row, look)]
    return [line(_head(tree, None, look), look), *shown, *_end(tree, look, is_explained=bool(failures))]


def _head(tree: Tree, at: float | None, look: Look) -> list[Piece]:
    assert tree.started is not None
    name = f"  {plain(tree.started.name)}" if tree.started.name else ""
    pieces = [glyph(_state(tree, at), at, look), (f" {tree.started.run_id}", Style.STRONG), (name, Style.PLAIN)]
    if at is not None:
        counted = ((tree.counts[state], state.value) for state in _COUNTED)
        counts = ", ".join(f"{count} {word}" for count, word in counted if count)
        pieces.append((f"  {elapsed_so_far(at - tree.started_at)}  {counts}", Style.QUIET))
    return pieces


def _state(tree: Tree, at: float | None) -> State:
    if tree.ended is None:
        return State.STOPPED if at is None else State.RUNNING
    return State.DONE if tree.ended.status is Status.SUCCESS else State.FAILED


def _with_message(row: Row, look: Look) -> list[str]:
    indent = " " * (2 * row.depth + 4)
    message = plain_lines(row.message).splitlines()
    return [line(row.pieces, look), *(line([(indent + text, Style.BAD)], _unbounded(look)) for text in message)]


def _end(tree: Tree, look: Look, *, is_explained: bool) -> list[str]:
    assert tree.started is not None
    if tree.ended is None:
        return []
    ended, look = tree.ended, _unbounded(look)
    succeeded = ended.status is Status.SUCCESS
    reason = "" if is_explained or not ended.message else f": {plain_lines(ended.message)}"
    text = f"run {ended.run_id}: {ended.status.value} in {elapsed(ended.duration)}{reason}"
    return [line([(text, Style.GOOD if succeeded else Style.BAD)], look), *command_lines(ended)]


def _unbounded(look: Look) -> Look:
    """The look for text that may take several lines of the terminal."""
    return Look(1 << 30, look.rows, look.colour, look.glyphs)


def fitted(rows: list[Row], room: int, look: Look) -> list[Row]:
    """The most important rows in their order, at most `room` of them; rows that are left out are counted."""
    if len(rows) <= room:
        return rows
    by_weight = sorted(range(len(rows)), key=lambda index: _weight(rows[index], index))
    for count in range(room, -1, -1):
        shown = _with(rows, frozenset(by_weight[:count]), look)
        if len(shown) <= room:
            return shown
    return []


def _weight(row: Row, index: int) -> tuple[int, int]:
    """The order in which rows are kept: of finished steps the latest first, of all others the earliest."""
    return -row.rank, index if row.rank else -index


def _with(rows: list[Row], chosen: frozenset[int], look: Look) -> list[Row]:
    shown: list[Row] = []
    for is_chosen, group in groupby(enumerate(rows), key=lambda pair: pair[0] in chosen):
        run = [row for _, row in group]
        if is_chosen:
            shown += run
        elif any(row.done or row.running or row.failed or row.waiting for row in run):
            counts = (sum(row.done for row in run), sum(row.running for row in run), sum(row.failed for row in run))
            shown.append(folded(run[0].depth, *counts, look, waiting=sum(row.waiting for row in run)))
    return shown
