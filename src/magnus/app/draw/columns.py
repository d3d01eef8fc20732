"""Folds a tall picture into columns, cut where few lines pass."""

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from magnus.app.draw.shapes import Box, Layout, Line

_TALL: Final = 2400.0
_LEAST: Final = 1200.0
_SHAPE: Final = 0.7
_MOST_LINES: Final = 3
_APART: Final = 8.0
_ABOVE: Final = 12.0 + _MOST_LINES * _APART
_GUTTER: Final = 56.0


class Rows(Struct, frozen=True):
    """Boxes by layer, the lines from each layer to the next, and the upper and lower edges of the layers."""

    boxes: Sequence[Sequence[Box]]
    lines: Sequence[Sequence[Line]]
    tops: Sequence[float]
    bottoms: Sequence[float]


def folded(whole: Layout, rows: Rows) -> Layout:
    """The layout in columns, or as it is where it is not tall or cannot be cut."""
    columns = list(_columns(whole, rows)) if whole.height > _TALL else []
    if len(columns) < 2:
        return whole
    boxes: list[Box] = []
    lines: list[Line] = []
    x, lowest, waiting = 0.0, 0.0, list[Line]()
    for first, last in columns:
        left, right = _extent(rows, first, last)
        aside, up = x - left, _ABOVE - rows.tops[first]
        lines += [_around(line, number, x, aside, up) for number, line in enumerate(waiting)]
        boxes += [_box(box, aside, up) for row in rows.boxes[first:last] for box in row]
        lines += [_line(line, aside, up) for row in rows.lines[first : last - 1] for line in row]
        ordered = sorted(rows.lines[last - 1], key=lambda line: -line.start[0])
        waiting = [replace(_line(line, aside, up), landing=line.landing, end=line.end) for line in ordered]
        lowest = max(lowest, rows.bottoms[last - 1] + up + (_ABOVE if waiting else 0.0))
        x += right - left + _GUTTER
    order = {box.path: number for number, box in enumerate(whole.boxes)}
    return Layout(x - _GUTTER, lowest, tuple(sorted(boxes, key=lambda box: order[box.path])), tuple(lines))


def _columns(whole: Layout, rows: Rows) -> Iterator[tuple[int, int]]:
    """The first layer of each column and the one after its last."""
    tall = max(_LEAST, sqrt(whole.height * (whole.width + _GUTTER) * _SHAPE))
    first = 0
    for number, lines in enumerate(rows.lines[:-1]):
        enough_left = rows.bottoms[-1] - rows.tops[number + 1] >= tall / 4
        if rows.bottoms[number] - rows.tops[first] >= tall and len(lines) <= _MOST_LINES and enough_left:
            yield first, number + 1
            first = number + 1
    yield first, len(rows.boxes)


def _extent(rows: Rows, first: int, last: int) -> tuple[float, float]:
    """How far the layers reach to the left and to the right."""
    lefts = [box.x for row in rows.boxes[first:last] for box in row]
    rights = [box.x + box.width for row in rows.boxes[first:last] for box in row]
    starts = [line.start[0] for row in rows.lines[first:last] for line in row]
    landings = [line.landing[0] for row in rows.lines[max(first - 1, 0) : last - 1] for line in row]
    return min(lefts + starts + landings), max(rights + starts + landings)


def _around(line: Line, number: int, x: float, aside: float, up: float) -> Line:
    """The line to a box in the column that starts at `x`; the start of the line is placed already."""
    landing = (line.landing[0] + aside, line.landing[1] + up)
    below = line.bend + (number + 1) * _APART
    between = x - _GUTTER / 2 + (number - 1) * _APART
    above = landing[1] - 12.0 - number * _APART
    turns = ((line.start[0], below), (between, below), (between, above), (landing[0], above))
    return replace(line, landing=landing, end=line.end + up, turns=turns)


def _line(line: Line, aside: float, up: float) -> Line:
    (x, y), (to_x, to_y) = line.start, line.landing
    return replace(
        line,
        start=(x + aside, y + up),
        bend=line.bend + up,
        landing=(to_x + aside, to_y + up),
        end=line.end + up,
    )


def _box(box: Box, aside: float, up: float) -> Box:
    return replace(box, x=box.x + aside, y=box.y + up)
