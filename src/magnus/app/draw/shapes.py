"""The boxes, panels and lines of a picture, with their places."""

from msgspec import Struct

from magnus.graph.nodes import Node
from magnus.graph.path import StepPath


class Text(Struct, frozen=True):
    """A line of text as it is drawn, and in full."""

    drawn: str
    full: str


class Panel(Struct, frozen=True):
    """A branch inside a composite: its title, its place in the composite, and its layout."""

    title: Text
    x: float
    y: float
    width: float
    height: float
    inside: "Layout"


class Box(Struct, frozen=True):
    """A step: its place in its (sub)pipeline, its texts ("" for none), and its branches."""

    path: StepPath
    node: Node
    x: float
    y: float
    width: float
    height: float
    name: Text
    detail: Text
    label: Text
    panels: tuple[Panel, ...] = ()


class Line(Struct, frozen=True):
    """A piece of an edge: straight from `start` down to `bend`, a curve to `landing`, straight down to `end`.

    Where there are `turns`, it runs straight from one to the next in the place of the curve.
    """

    start: tuple[float, float]
    bend: float
    landing: tuple[float, float]
    end: float
    failure: bool
    arrow: bool
    turns: tuple[tuple[float, float], ...] = ()


class Layout(Struct, frozen=True):
    """A (sub)pipeline with everything in its place, measured from its own upper left corner."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
