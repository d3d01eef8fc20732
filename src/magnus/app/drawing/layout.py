"""Boxes and lines of a picture: how large each step is, where it stands, and how the lines between them run.

A line runs straight down beside boxes and bends only in the free strip between two layers, so it never meets a box.
"""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from magnus.app.drawing import words
from magnus.app.drawing.folding import Rows, folded
from magnus.app.drawing.layers import Item, Lane, Layers, Link, layers
from magnus.app.drawing.placing import centres
from magnus.app.drawing.shapes import Box, Layout, Line, Panel, Text
from magnus.app.drawing.widths import shortened, width
from magnus.graph.check import edges
from magnus.graph.graph import Graph
from magnus.graph.nodes import CompositeNode, Node, TerminalNode
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


def layout(graph: Graph, labels: Mapping[StepPath, str], branch: BranchPath = BranchPath()) -> Layout:  # noqa: B008
    """Where everything in the graph is drawn; a label is one more line in the box of its step."""
    nodes = words.in_order(graph)
    boxes = {node.name: _sized(node, branch.step(node.name), labels) for node in nodes}
    found = layers({node.name: [(field == "on_failure", target) for field, target in edges(node)] for node in nodes})
    across = centres(found, {name: box.width for name, box in boxes.items()})
    heights = [max((boxes[item].height for item in row if isinstance(item, str)), default=0.0) for row in found.items]
    tops = _tops(found, heights, across)
    placed: dict[str, Box] = {}
    for row, top, height in zip(found.items, tops, heights, strict=True):
        for item in row:
            if isinstance(item, str):
                box = boxes[item]
                placed[item] = replace(box, x=across[item] - box.width / 2, y=top + (height - box.height) / 2)
    by_layer = _lines(found, across, placed, tops, heights)
    lines = tuple(line for row in by_layer for line in row)
    right = max([box.x + box.width for box in placed.values()] + [line.start[0] + 2 for line in lines])
    whole = Layout(right, tops[-1] + heights[-1], tuple(placed[node.name] for node in nodes), lines)
    rows = [[placed[item] for item in row if isinstance(item, str)] for row in found.items]
    bottoms = [top + height for top, height in zip(tops, heights, strict=True)]
    return folded(whole, Rows(rows, by_layer, tops, bottoms))


def _sized(node: Node, path: StepPath, labels: Mapping[StepPath, str]) -> Box:
    """The box of a step, at 0, 0."""
    label = _text(labels.get(path, ""), DETAIL_SIZE, TEXT_MOST)
    name = Text(shortened(node.name, NAME_SIZE, TEXT_MOST, bold=True), node.name)
    name_width = width(name.drawn, NAME_SIZE, bold=True)
    if isinstance(node, TerminalNode):
        if path.branch.parts and node.name == node.written_as:
            return Box(path, node, 0, 0, DOT, DOT, name, Text("", ""), label)
        across = max(64.0, name_width + 2 * PADDING)
        return Box(path, node, 0, 0, across, TERMINAL_HEIGHT, name, Text("", ""), label)
    kind_width = width(words.kind(node), DETAIL_SIZE, bold=True)
    detail = _text(words.detail(node), DETAIL_SIZE, max(60.0, TEXT_MOST - kind_width - DETAIL_GAP))
    detail_width = kind_width + DETAIL_GAP + width(detail.drawn, DETAIL_SIZE)
    texts = max(name_width, detail_width, width(label.drawn, DETAIL_SIZE))
    across = max(96.0, texts + 2 * PADDING)
    down = TASK_HEIGHT + (LABEL_LINE if label.full else 0.0)
    if not isinstance(node, CompositeNode):
        return Box(path, node, 0, 0, across, down, name, detail, label)
    panels, right, bottom = _panels(node, path, labels, down)
    return Box(path, node, 0, 0, max(across, right), bottom, name, detail, label, panels)


def _panels(
    node: CompositeNode, path: StepPath, labels: Mapping[StepPath, str], top: float
) -> tuple[tuple[Panel, ...], float, float]:
    """The branches side by side, in as many rows as they need; and the width and height of all."""
    panels: list[Panel] = []
    x, y, tallest, right = PADDING, top, 0.0, 0.0
    for branch in words.branches(node, path):
        inside = layout(branch.graph, labels, branch.path)
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


def _tops(found: Layers, heights: list[float], across: Mapping[Item, float]) -> list[float]:
    """The upper edge of each layer; where lines go far to the side there is more room between two."""
    tops = [0.0]
    for height, links in zip(heights, found.links, strict=True):
        aside = max((abs(across[link.source] - across[link.target]) for link in links), default=0.0)
        tops.append(tops[-1] + height + min(_GAP_MOST, _GAP + aside * 0.08))
    return tops[:-1]


def _lines(
    found: Layers, across: Mapping[Item, float], boxes: Mapping[str, Box], tops: list[float], heights: list[float]
) -> list[list[Line]]:
    lines: list[list[Line]] = []
    expected = {link.target for links in found.links for link in links if not link.failure}
    for number, links in enumerate(found.links):
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
    """Where a line begins: below its box, that of `on_failure` to the right; in a lane, at the top of the layer."""
    x = across[link.source]
    if isinstance(link.source, Lane):
        return x, top
    box = boxes[link.source]
    return x + (min(_FAILURE_ASIDE * 2, box.width / 4) if link.failure else 0.0), box.y + box.height


def _text(full: str, size: float, most: float) -> Text:
    return Text(shortened(full, size, most), full)
