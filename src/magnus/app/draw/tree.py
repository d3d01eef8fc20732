"""Draws a pipeline as a tree of text; a step leads to the one below it, or to the target of its arrow."""

from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from magnus.app.draw import labels
from magnus.app.draw.data_names import DataNames
from magnus.app.text.columns import clip, width
from magnus.app.text.plain_text import plain as as_plain
from magnus.graph.nodes import ChosenBranch, CompositeNode, Graph, Node, TerminalNode
from magnus.graph.path import BranchPath, StepPath
from magnus.graph.structure import unreachable

Role: TypeAlias = Literal["frame", "name", "kind", "detail", "data", "branch", "next", "failure", "warning"]


class Span(Struct, frozen=True):
    """A piece of a line with its role, which decides its colour."""

    text: str
    role: Role


class Signs(Struct, frozen=True):
    """The characters of frames and arrows."""

    fork: str
    last: str
    down: str
    leads: str
    fails: str
    ellipsis: str
    data: str


UNICODE: Final = Signs("├─ ", "└─ ", "│  ", "→", "✗→", "…", "⇣")
ASCII: Final = Signs("|- ", "`- ", "|  ", "->", "x->", "...", "=>")
_NARROWEST: Final = 24
_LEAST_DETAIL: Final = 6


def tree(
    graph: Graph,
    title: str,
    *,
    data: Mapping[StepPath, DataNames] | None = None,
    columns: int = 80,
    signs: Signs = UNICODE,
) -> tuple[tuple[Span, ...], ...]:
    """The lines of the tree below its title, each no wider than `columns` where the frame leaves room for that.

    `data` are the names of the data that leave steps, each kind on a line below its step.
    """
    drawing = _Drawing(columns, signs, data or {})
    return (drawing.fitted("", [Span(as_plain(title), "name")]), *drawing.pipeline(graph, BranchPath(), ""))


def plain(lines: tuple[tuple[Span, ...], ...]) -> str:
    """The lines as text, each with its newline."""
    return "".join("".join(span.text for span in line).rstrip() + "\n" for line in lines)


class _Drawing(Struct, frozen=True):
    columns: int
    signs: Signs
    data: Mapping[StepPath, DataNames]

    def pipeline(self, graph: Graph, branch: BranchPath, frame: str) -> Iterator[tuple[Span, ...]]:
        """The lines of a (sub)pipeline."""
        nodes = [node for node in labels.in_order(graph) if not isinstance(node, TerminalNode)]
        lost = frozenset(unreachable(graph.start_at, graph.nodes))
        for number, node in enumerate(nodes):
            following = nodes[number + 1].name if number + 1 < len(nodes) else ""
            last = not following
            spans = [*self._step(node), *self._leads(graph, node, following)]
            if node.name in lost:
                spans.append(Span("  nothing leads here", "warning"))
            yield self.fitted(frame + (self.signs.last if last else self.signs.fork), spans)
            below = frame + ("   " if last else self.signs.down)
            if isinstance(node, CompositeNode):
                yield from self._branches(node, branch.step(node.name), below)
            for line in self.data.get(branch.step(node.name), DataNames()).lines():
                yield self.fitted(below, [Span(f"{self.signs.data} {as_plain(line)}", "data")])

    def fitted(self, frame: str, spans: list[Span]) -> tuple[Span, ...]:
        """The line; if it is too long, the detail of the step is shortened first, then the end."""
        room = max(self.columns - width(frame), _NARROWEST)
        excess = sum(width(span.text) for span in spans) - room
        shortened = list(spans)
        for number, span in enumerate(spans):
            if excess > 0 and span.role == "detail":
                left = width(span.text) - excess
                shortened[number] = Span(
                    clip(span.text, left, self.signs.ellipsis) if left >= _LEAST_DETAIL else "", "detail"
                )
        fitting: list[Span] = []
        for span in shortened:
            text = clip(span.text, room, self.signs.ellipsis)
            room -= width(text)
            fitting += [Span(text, span.role)] if text else []
        return (Span(frame, "frame"), *fitting) if frame else tuple(fitting)

    def _branches(self, node: CompositeNode, path: StepPath, frame: str) -> Iterator[tuple[Span, ...]]:
        inner = labels.branches(node, path)
        is_choice = isinstance(node.branches, ChosenBranch)
        for number, branch in enumerate(inner):
            if not branch.title:
                yield from self.pipeline(branch.graph, branch.path, frame)
                continue
            last = number + 1 == len(inner)
            title = f"{'' if branch.is_default or not is_choice else '= '}{as_plain(branch.title)}:"
            yield self.fitted(frame + (self.signs.last if last else self.signs.fork), [Span(title, "branch")])
            yield from self.pipeline(branch.graph, branch.path, frame + ("   " if last else self.signs.down))

    def _step(self, node: Node) -> Iterator[Span]:
        yield Span(as_plain(node.name), "name")
        yield Span(f"  {labels.kind(node)}", "kind")
        if detail := labels.detail(node):
            yield Span(f"  {as_plain(detail)}", "detail")

    def _leads(self, graph: Graph, node: Node, following: str) -> Iterator[Span]:
        """The target of the step, unless it is the step below, or success for the last one."""
        if isinstance(node, TerminalNode):
            return
        if node.next != (following or graph.terminal(succeeds=True).name):
            yield Span(f"  {self.signs.leads} {as_plain(node.next)}", "next")
        if node.on_failure is not None:
            yield Span(f"  {self.signs.fails} {as_plain(node.on_failure)}", "failure")
