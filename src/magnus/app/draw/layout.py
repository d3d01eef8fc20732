"""Places the boxes and lines of a picture, from above to below or across.

Everything is computed as if the picture ran down. For a picture that runs across, width and height of boxes are exchanged
before, and the two directions after. A line runs straight down beside boxes and bends only in the free strip between two layers, so it never meets a box.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from magnus.app.draw import labels
from magnus.app.draw.columns import Rows, folded
from magnus.app.draw.data_names import DataNames
from magnus.app.draw.layers import Item, Lane, Layers, Link, centres, layers
from magnus.app.draw.shapes import PADDING, Box, Layout, Line, Panel, Text, shortened, width
from magnus.graph.nodes import ChosenBranch, CompositeNode, Graph, Node, TerminalNode
from magnus.graph.path import BranchPath, StepPath

NAME_SIZE: Final = 13.0
DETAIL_SIZE: Final = 11.0
DETAIL_GAP: Final = 6.0
TEXT_MOST: Final = 230.0
TASK_HEIGHT: Final = 46.0
TERMINAL_HEIGHT: Final = 28.0
DOT: Final = 18.0
LABEL_LINE: Final = 15.0
DATA_LINE: Final = 13.0
DATA_ASIDE: Final = 8.0
DATA_MOST: Final = 170.0
PANEL_TITLE: Final = 22.0
_PANELS_MOST: Final = 1400.0
_GAP: Final = 30.0
_GAP_MOST: Final = 64.0
_FAILURE_ASIDE: Final = 14.0


class Wishes(Struct, frozen=True):
    """How a picture is to be: with one more line in boxes, with the data that leave steps, from the left to the right."""

    labels: Mapping[StepPath, str] = {}
    data: Mapping[StepPath, DataNames] = {}
    across: bool = False


def layout(graph: Graph, wishes: Wishes, branch: BranchPath = BranchPath()) -> Layout:  # noqa: B008 - frozen
    """Where everything in the graph is drawn."""
    nodes = labels.in_order(graph)
    boxes = {node.name: _turned(_sized(node, branch.step(node.name), wishes), across=wishes.across) for node in nodes}
    layered = layers({node.name: [(field == "on_failure", target) for field, target in node.edges] for node in nodes})
    rooms = {name: _room(box, across=wishes.across) for name, box in boxes.items()}
    across = centres(layered, {name: max(box.width, 2 * rooms[name][0]) for name, box in boxes.items()})
    heights = [max((boxes[item].height for item in row if isinstance(item, str)), default=0.0) for row in layered.items]
    below = [max((rooms[item][1] for item in row if isinstance(item, str)), default=0.0) for row in layered.items]
    tops = _tops(layered, heights, below, across)
    placed: dict[str, Box] = {}
    for row, top, height in zip(layered.items, tops, heights, strict=True):
        for item in row:
            if isinstance(item, str):
                box = boxes[item]
                placed[item] = replace(box, x=across[item] - box.width / 2, y=top + (height - box.height) / 2)
    by_layer = _lines(layered, across, placed, tops, heights)
    lines = tuple(line for row in by_layer for line in row)
    right = max([box.x + box.width for box in placed.values()] + [line.start[0] + 2 for line in lines])
    right = max(right, *(across[name] + rooms[name][0] for name in placed))
    whole = Layout(right, tops[-1] + heights[-1], tuple(placed[node.name] for node in nodes), lines)
    rows = [[placed[item] for item in row if isinstance(item, str)] for row in layered.items]
    bottoms = [top + height for top, height in zip(tops, heights, strict=True)]
    return _laid_across(folded(whole, Rows(rows, by_layer, tops, bottoms)), across=wishes.across)


def _turned(box: Box, *, across: bool) -> Box:
    """The box with its directions exchanged if the picture runs across."""
    return replace(box, x=box.y, y=box.x, width=box.height, height=box.width) if across else box


def _laid_across(whole: Layout, *, across: bool) -> Layout:
    if not across:
        return whole
    boxes = tuple(_turned(box, across=True) for box in whole.boxes)
    return Layout(
        whole.height, whole.width, boxes, tuple(replace(line, across=True) for line in whole.lines), across=True
    )


def _room(box: Box, *, across: bool) -> tuple[float, float]:
    """The room that the data of a step need: beside its line on one side, and along it."""
    if not box.data:
        return 0.0, 0.0
    down, right = len(box.data) * DATA_LINE + 4.0, max(width(text.drawn, DETAIL_SIZE) for text in box.data) + DATA_ASIDE
    return (down, right) if across else (right, down)


def _sized(node: Node, path: StepPath, wishes: Wishes) -> Box:
    """The box of a step, at 0, 0."""
    label = _text(wishes.labels.get(path, ""), DETAIL_SIZE, TEXT_MOST)
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
    data = tuple(_text(line, DETAIL_SIZE, DATA_MOST) for line in wishes.data.get(path, DataNames()).lines())
    if not isinstance(node, CompositeNode):
        return Box(path, node, 0, 0, across, down, name, detail, label, data=data)
    panels, right, bottom = _panels(node, path, wishes, down)
    return Box(path, node, 0, 0, max(across, right), bottom, name, detail, label, panels, data)


def _panels(node: CompositeNode, path: StepPath, wishes: Wishes, top: float) -> tuple[tuple[Panel, ...], float, float]:
    """The branches side by side, or one below the other in a picture that runs across; and the width and height of all."""
    panels: list[Panel] = []
    x, y, farthest, right, bottom = PADDING, top, 0.0, 0.0, 0.0
    for branch in labels.branches(node, path):
        panel = _panel(branch, wishes, framed=isinstance(node.branches, ChosenBranch))
        if wishes.across:
            if panels and y + panel.height > _PANELS_MOST:
                x, y, farthest = x + farthest + PADDING, top, 0.0
            panels.append(replace(panel, x=x, y=y))
            farthest, y = max(farthest, panel.width), y + panel.height + PADDING
            right, bottom = max(right, x + farthest + PADDING), max(bottom, y)
        else:
            if panels and x + panel.width > _PANELS_MOST:
                x, y, farthest = PADDING, y + farthest + PADDING, 0.0
            panels.append(replace(panel, x=x, y=y))
            farthest, x = max(farthest, panel.height), x + panel.width + PADDING
            right, bottom = max(right, x), max(bottom, y + farthest + PADDING)
    return tuple(_evened(panels, across=wishes.across)), right, bottom


def _panel(branch: labels.Branch, wishes: Wishes, *, framed: bool) -> Panel:
    """The branch, at 0, 0. A branch of one step is the box of that step alone, `framed` or not."""
    alone = labels.only_step(branch.graph)
    if alone is None:
        inside = layout(branch.graph, wishes, branch.path)
    else:
        box = replace(_sized(alone, branch.path.step(alone.name), wishes), data=())
        inside = Layout(box.width, box.height, (box,), (), across=wishes.across)
    title = Text(shortened(branch.title, DETAIL_SIZE, TEXT_MOST, bold=True), branch.title)
    above = PANEL_TITLE if title.full else 0.0
    panel = Panel(title, 0, 0, 0, 0, inside, framed or alone is None)
    right = max(inside.width, width(title.drawn, DETAIL_SIZE, bold=True)) + 2 * panel.padding
    return replace(panel, width=right, height=inside.height + above + 2 * panel.padding)


def _evened(panels: Sequence[Panel], *, across: bool) -> Iterator[Panel]:
    """Panels of one row get one height; in a picture that runs across, panels of one column get one width."""
    sizes: dict[float, float] = {}
    for panel in panels:
        place, size = (panel.x, panel.width) if across else (panel.y, panel.height)
        sizes[place] = max(sizes.get(place, 0.0), size)
    for panel in panels:
        yield replace(panel, width=sizes[panel.x]) if across else replace(panel, height=sizes[panel.y])


def _tops(
    layered: Layers, heights: Sequence[float], below: Sequence[float], across: Mapping[Item, float]
) -> list[float]:
    """The upper edge of each layer; there is more room below it for data, and where lines go far to the side."""
    tops = [0.0]
    for height, data, links in zip(heights, below, layered.links, strict=True):
        aside = max((abs(across[link.source] - across[link.target]) for link in links), default=0.0)
        tops.append(tops[-1] + height + data + min(_GAP_MOST, _GAP + aside * 0.08))
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
