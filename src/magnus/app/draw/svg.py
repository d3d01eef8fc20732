"""A pipeline as an SVG picture that needs nothing else: no script, no font, no address."""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Final

from msgspec import Struct

from magnus.app.draw import labels
from magnus.app.draw.data_names import DataNames
from magnus.app.draw.layout import DATA_ASIDE, DATA_LINE, DETAIL_GAP, LABEL_LINE, NAME_SIZE, Wishes, layout
from magnus.app.draw.shapes import PADDING, Box, Layout, Line, Panel, Text
from magnus.app.draw.style import style
from magnus.graph.nodes import CompositeNode, Graph, TaskNode, TerminalNode
from magnus.graph.path import StepPath
from magnus.graph.structure import unreachable

MARGIN: Final = 20.0
_TIP: Final = 7.0
_REVERSING: Final = (0x61C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF)
_UNWRITABLE: Final = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *_REVERSING, 0xFFFE, 0xFFFF], "�")


class Mark(Struct, frozen=True):
    """How a step is marked: CSS classes (`succeeded`, `failed`, `running`, `reused`, `waiting`, or others), and a line."""

    classes: str = ""
    label: str = ""


def svg(
    graph: Graph,
    marks: Mapping[StepPath, Mark] | None = None,
    *,
    data: Mapping[StepPath, DataNames] | None = None,
    across: bool = False,
    with_style: bool = True,
) -> str:
    """The picture, the same for the same graph.

    Steps are `<g class="step ..." data-path="...">`, whose path is that of `labels.drawn_path`: a `map` or `loop` has
    one branch. `marks` says how some of them are marked, and `data` which data leave them. The picture runs from above
    to below, or `across`. Without `with_style` the page has `style()`.
    """
    marked = marks or {}
    lines = {path: mark.label for path, mark in marked.items() if mark.label}
    whole = layout(graph, Wishes(lines, data or {}, across))
    right, down = _number(whole.width + 2 * MARGIN), _number(whole.height + 2 * MARGIN)
    title = graph.name or "pipeline"
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="magnus-graph" role="img" aria-label="{_attribute(title)}"'
        f' width="{right}" height="{down}" viewBox="0 0 {right} {down}">'
    )
    inside = [
        *([f"<style>{style()}</style>"] if with_style else []),
        f'<rect class="paper" width="{right}" height="{down}"/>',
        f'<g transform="translate({_number(MARGIN)} {_number(MARGIN)})">',
        *_layout(whole, graph, marked),
        "</g>",
    ]
    return "\n".join([opening, *inside, "</svg>", ""])


def _layout(placed: Layout, graph: Graph, marks: Mapping[StepPath, Mark]) -> Iterator[str]:
    yield from map(_line, placed.lines)
    lost = frozenset(unreachable(graph.start_at, graph.nodes))
    for box in placed.boxes:
        yield from _box(box, marks, more=("unreached",) if box.node.name in lost else ())
    yield from (_tip(line) for line in placed.lines if line.arrow)
    for box in placed.boxes:
        yield from _data(box, across=placed.across)


def _data(box: Box, *, across: bool) -> Iterator[str]:
    """The data on the edge that leaves a step: below the box beside the line, or right of the box above the line."""
    for number, text in enumerate(box.data):
        if across:
            x, y = box.x + box.width + DATA_ASIDE, box.y + box.height / 2 - 5 - DATA_LINE * (len(box.data) - 1 - number)
        else:
            x, y = box.x + box.width / 2 + DATA_ASIDE, box.y + box.height + DATA_LINE * (number + 1)
        whole = f"<title>{_content(text.full)}</title>" if text.full != text.drawn else ""
        yield f'<text class="data" x="{_number(x)}" y="{_number(y)}">{whole}{_content(text.drawn)}</text>'


def _box(box: Box, marks: Mapping[StepPath, Mark], more: Iterable[str]) -> Iterator[str]:
    mark = marks.get(box.path, Mark())
    classes = " ".join(filter(None, ("step", *_classes(box), *more, mark.classes)))
    yield (
        f'<g class="{_attribute(classes)}" data-path="{_attribute(str(box.path))}"'
        f' transform="translate({_number(box.x)} {_number(box.y)})">'
    )
    yield f"<title>{_content(_described(box))}</title>"
    match box.node:
        case TerminalNode():
            yield from _terminal(box)
        case TaskNode() | CompositeNode():
            yield _rectangle("box", 0, 0, box.width, box.height, radius=7)
            yield _rectangle("bar", 0, 8, 3, min(box.height, 46) - 16, radius=1.5)
            yield _text("name", PADDING, 19, box.name.drawn)
            yield _detail(box)
            if box.label.full:
                yield _text("label", PADDING, 35 + LABEL_LINE, box.label.drawn)
            inner = labels.branches(box.node, box.path) if isinstance(box.node, CompositeNode) else ()
            for panel, branch in zip(box.panels, inner, strict=True):
                yield from _panel(panel, branch.graph, marks)
    yield "</g>"


def _classes(box: Box) -> tuple[str, ...]:
    match box.node:
        case TerminalNode(written_as=word):
            return ("end", word)
        case TaskNode(written_as=word):
            return (word,)
        case CompositeNode(written_as=word):
            return ("composite", word)


def _described(box: Box) -> str:
    """The tooltip of a box: its full texts, and its target on failure."""
    what = " ".join(filter(None, (labels.kind(box.node), box.detail.full)))
    lines = [box.name.full, what, box.label.full]
    if not isinstance(box.node, TerminalNode) and box.node.on_failure is not None:
        lines.append(f"on failure: {box.node.on_failure}")
    return "\n".join(filter(None, lines))


def _terminal(box: Box) -> Iterator[str]:
    yield _rectangle("box", 0, 0, box.width, box.height, radius=box.height / 2)
    if box.height >= NAME_SIZE * 2:
        yield _text("name", box.width / 2, box.height / 2 + NAME_SIZE * 0.35, box.name.drawn)
    elif isinstance(box.node, TerminalNode) and box.node.succeeds:
        yield '<path class="sign" d="M5 9.2l2.8 2.8 5.2-5.8"/>'
    else:
        yield '<path class="sign" d="M6 6l6 6M12 6l-6 6"/>'


def _detail(box: Box) -> str:
    kind = f'<tspan class="kind">{_content(labels.kind(box.node))}</tspan>'
    rest = f'<tspan dx="{_number(DETAIL_GAP)}">{_content(box.detail.drawn)}</tspan>' if box.detail.drawn else ""
    return f'<text class="detail" x="{_number(PADDING)}" y="35">{kind}{rest}</text>'


def _panel(panel: Panel, graph: Graph, marks: Mapping[StepPath, Mark]) -> Iterator[str]:
    top = panel.padding
    if panel.framed:
        yield _rectangle("panel", panel.x, panel.y, panel.width, panel.height, radius=6)
    if panel.title.full:
        yield _titled(panel.title, panel.x + panel.padding, panel.y + 17)
        top += 22
    inner = (panel.width - panel.inside.width) / 2 if panel.framed else 0.0
    yield f'<g transform="translate({_number(panel.x + inner)} {_number(panel.y + top)})">'
    yield from _layout(panel.inside, graph, marks)
    yield "</g>"


def _titled(text: Text, x: float, y: float) -> str:
    whole = f"<title>{_content(text.full)}</title>" if text.full != text.drawn else ""
    return f'<text class="title" x="{_number(x)}" y="{_number(y)}">{whole}{_content(text.drawn)}</text>'


def _line(line: Line) -> str:
    (x, y), (to_x, to_y) = line.start, line.landing
    end = line.end - (_TIP - 1 if line.arrow else 0)
    along = "H" if line.across else "V"

    def point(aside: float, down: float) -> str:
        first, second = (down, aside) if line.across else (aside, down)
        return f"{_number(first)} {_number(second)}"

    parts = [f"M{point(x, y)}"]
    if line.bend > y:
        parts.append(f"{along}{_number(line.bend)}")
    if line.turns:
        parts += [f"L{point(turn_x, turn_y)}" for turn_x, turn_y in line.turns]
        parts.append(f"{along}{_number(end)}")
    elif abs(to_x - x) < 0.05:
        parts.append(f"{along}{_number(end)}")
    else:
        landing = min(to_y, end)
        middle = (line.bend + landing) / 2
        parts.append(f"C{point(x, middle)} {point(to_x, middle)} {point(to_x, landing)}")
        if end > landing:
            parts.append(f"{along}{_number(end)}")
    return f'<path class="line{" on-failure" if line.failure else ""}" d="{"".join(parts)}"/>'


def _tip(line: Line) -> str:
    x, y = line.landing[0], line.end
    half = _TIP * 0.55
    tip = f"M{_number(x)} {_number(y)}l{_number(-half)} {_number(-_TIP)}h{_number(2 * half)}z"
    if line.across:
        tip = f"M{_number(y)} {_number(x)}l{_number(-_TIP)} {_number(-half)}v{_number(2 * half)}z"
    return f'<path class="tip{" on-failure" if line.failure else ""}" d="{tip}"/>'


def _rectangle(css: str, x: float, y: float, width: float, height: float, *, radius: float) -> str:
    place = "".join(f' {name}="{_number(value)}"' for name, value in (("x", x), ("y", y)) if value)
    return f'<rect class="{css}"{place} width="{_number(width)}" height="{_number(height)}" rx="{_number(radius)}"/>'


def _text(css: str, x: float, y: float, text: str) -> str:
    return f'<text class="{css}" x="{_number(x)}" y="{_number(y)}">{_content(text)}</text>'


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _content(text: str) -> str:
    return escape(_writable(text), quote=False)


def _attribute(text: str) -> str:
    return escape(_writable(text)).replace("\n", "&#10;")


def _writable(text: str) -> str:
    """The text without characters that XML has no way to write, or that reverse or hide other text."""
    return text.translate(_UNWRITABLE).encode("utf-8", "replace").decode("utf-8")
