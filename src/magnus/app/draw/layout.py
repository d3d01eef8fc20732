"""Places the boxes and lines of a picture, in columns where the picture is tall.

A line runs straight down beside boxes and bends only in the free strip between two layers, so it never meets a box.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from magnus.app.draw import labels
from magnus.app.draw.layers import Item, Lane, Layers, Link, centres, layers
from magnus.app.draw.shapes import Box, Layout, Line, Panel, Text, shortened, width
from magnus.graph.nodes import CompositeNode, Graph, Node, TerminalNode
from magnus.graph.path import BranchPath, StepPath

NAME_SIZE: Final = 13.0
DETAIL_SIZE: Final = 11.0
PADDING: Final = 12.0
DETAIL_GAP: Final = 6.0
TEXT_MOST: Final = 230.0
TASK_HEIGHT: Final = 46.0
TERMINAL_HEIGHT: Final = 28.0
DOT: Final = 18.0
LABEL_LINE: Final = 15.0
PANEL_TITLE: Final = 22.0
_PANELS_MOST: Final = 1400.0
_GAP: Final = 30.0
_GAP_MOST: Final = 64.0
_FAILURE_ASIDE: Final = 14.0
_TALL: Final = 2400.0
_LEAST: Final = 1200.0
_SHAPE: Final = 0.7
_MOST_LINES: Final = 3
_APART: Final = 8.0
_ABOVE: Final = 12.0 + _MOST_LINES * _APART
_GUTTER: Final = 56.0


def layout(graph: Graph, step_labels: Mapping[StepPath, str], branch: BranchPath = BranchPath()) -> Layout:  # noqa: B008
    """Where everything in the graph is drawn; a label is one more line in the box of its step."""
    nodes = labels.in_order(graph)
    boxes = {node.name: _sized(node, branch.step(node.name), step_labels) for node in nodes}
    layered = layers({node.name: [(field == "on_failure", target) for field, target in node.edges] for node in nodes})
    across = centres(layered, {name: box.width for name, box in boxes.items()})
    heights = [max((boxes[item].height for item in row if isinstance(item, str)), default=0.0) for row in layered.items]
    tops = _tops(layered, heights, across)
    placed: dict[str, Box] = {}
    for row, top, height in zip(layered.items, tops, heights, strict=True):
        for item in row:
            if isinstance(item, str):
                box = boxes[item]
                placed[item] = replace(box, x=across[item] - box.width / 2, y=top + (height - box.height) / 2)
    by_layer = _lines(layered, across, placed, tops, heights)
    lines = tuple(line for row in by_layer for line in row)
    right = max([box.x + box.width for box in placed.values()] + [line.start[0] + 2 for line in lines])
    whole = Layout(right, tops[-1] + heights[-1], tuple(placed[node.name] for node in nodes), lines)
    rows = [[placed[item] for item in row if isinstance(item, str)] for row in layered.items]
    bottoms = [top + height for top, height in zip(tops, heights, strict=True)]
    return folded(whole, Rows(rows, by_layer, tops, bottoms))


def _sized(node: Node, path: StepPath, step_labels: Mapping[StepPath, str]) -> Box:
    """The box of a step, at 0, 0."""
    label = _text(step_labels.get(path, ""), DETAIL_SIZE, TEXT_MOST)
    name = Text(shortened(node.name, NAME_SIZE, TEXT_MOST, bold=True), node.name)
    name_width = width(name.drawn, NAME_SIZE, bold=True)
    if isinstance(node, TerminalNode):
        if path.branch.parts and node.name == node.written_as:
            return Box(path, node, 0, 0, DOT, DOT, name, Text("", ""), label)
        across = max(64.0, name_width + 2 * PADDING)
        return Box(path, node, 0, 0, across, TERMINAL_HEIGHT, name, Text("", ""), label)
    kind_width = width(labels.kind(node), DETAIL_SIZE, bold=True)
    detail = _text(labels.detail(node), DETAIL_SIZE, max(60.0, TEXT_MOST - kind_width - DETAIL_GAP))
    detail_width = kind_width + DETAIL_GAP + width(detail.drawn, DETAIL_SIZE)
    texts = max(name_width, detail_width, width(label.drawn, DETAIL_SIZE))
    across = max(96.0, texts + 2 * PADDING)
    down = TASK_HEIGHT + (LABEL_LINE if label.full else 0.0)
    if not isinstance(node, CompositeNode):
        return Box(path, node, 0, 0, across, down, name, detail, label)
    panels, right, bottom = _panels(node, path, step_labels, down)
    return Box(path, node, 0, 0, max(across, right), bottom, name, detail, label, panels)


def _panels(
    node: CompositeNode, path: StepPath, step_labels: Mapping[StepPath, str], top: float
) -> tuple[tuple[Panel, ...], float, float]:
    """The branches side by side, in as many rows as they need; and the width and height of all."""
    panels: list[Panel] = []
    x, y, tallest, right = PADDING, top, 0.0, 0.0
    for branch in labels.branches(node, path):
        inside = layout(branch.graph, step_labels, branch.path)
        title = Text(shortened(branch.title, DETAIL_SIZE, TEXT_MOST, bold=True), branch.title)
        above = PANEL_TITLE if title.full else 0.0
        across = max(inside.width, width(title.drawn, DETAIL_SIZE, bold=True)) + 2 * PADDING
        down = inside.height + above + 2 * PADDING
        if panels and x + across > _PANELS_MOST:
            x, y, tallest = PADDING, y + tallest + PADDING, 0.0
        panels.append(Panel(title, x, y, across, down, inside))
        tallest, x = max(tallest, down), x + across + PADDING
        right = max(right, x)
    return tuple(_evened(panels)), right, y + tallest + PADDING


def _evened(panels: list[Panel]) -> list[Panel]:
    """Panels of one row get one height."""
    heights: dict[float, float] = {}
    for panel in panels:
        heights[panel.y] = max(heights.get(panel.y, 0.0), panel.height)
    return [Panel(p.title, p.x, p.y, p.width, heights[p.y], p.inside) for p in panels]


def _tops(layered: Layers, heights: list[float], across: Mapping[Item, float]) -> list[float]:
    """The upper edge of each layer; where lines go far to the side there is more room between two."""
    tops = [0.0]
    for height, links in zip(heights, layered.links, strict=True):
        aside = max((abs(across[link.source] - across[link.target]) for link in links), default=0.0)
        tops.append(tops[-1] + height + min(_GAP_MOST, _GAP + aside * 0.08))
    return tops[:-1]


def _lines(
    layered: Layers, across: Mapping[Item, float], boxes: Mapping[str, Box], tops: list[float], heights: list[float]
) -> list[list[Line]]:
    lines: list[list[Line]] = []
    expected = {link.target for links in layered.links for link in links if not link.failure}
    for number, links in enumerate(layered.links):
        bottom = tops[number] + heights[number]
        lines.append([])
        for link in links:
            start_x, start_y = _leaving(link, across, boxes, tops[number])
            aside = _FAILURE_ASIDE if link.failure and link.target in expected else 0.0
            end_x = across[link.target] + (0.0 if isinstance(link.target, Lane) else aside)
            end_y = tops[number + 1] if isinstance(link.target, Lane) else boxes[link.target].y
            landing = (end_x, tops[number + 1])
            lines[-1].append(
                Line((start_x, start_y), bottom, landing, end_y, link.failure, not isinstance(link.target, Lane))
            )
    return lines


def _leaving(link: Link, across: Mapping[Item, float], boxes: Mapping[str, Box], top: float) -> tuple[float, float]:
    """The start of a line: below its box, to the right for `on_failure`; in a lane, at the top of the layer."""
    x = across[link.source]
    if isinstance(link.source, Lane):
        return x, top
    box = boxes[link.source]
    return x + (min(_FAILURE_ASIDE * 2, box.width / 4) if link.failure else 0.0), box.y + box.height


def _text(full: str, size: float, most: float) -> Text:
    return Text(shortened(full, size, most), full)


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
